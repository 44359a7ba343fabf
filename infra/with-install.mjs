// Usage: node infra/with-install.mjs <command> [arguments…]
//
// Installs the dependencies when they are missing or out of date, then runs the command with the tools of
// node_modules/.bin first on the PATH, so that `node` is the version of Node.js that package.json asks for.
// Needs nothing but Node.js 20 and npm: no dependency, no TypeScript.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, "node_modules", ".belfry-install");
const lock = join(root, ".belfry", "install.lock");
const LOCK_BEAT_MS = 1_000;
const LOCK_STALE_MS = 20_000;

const [command, ...args] = process.argv.slice(2);
let child;
let stoppedBy;

// A terminal sends Ctrl-C, and its own end, to the whole group: the command has them already and decides what to do.
for (const signal of ["SIGINT", "SIGHUP"]) {
  process.on(signal, () => {
    stoppedBy = signal;
  });
}
process.on("SIGTERM", () => {
  stoppedBy = "SIGTERM";
  child?.kill("SIGTERM");
});

if (Number(process.versions.node.split(".")[0]) < 20)
  fail(`Node.js 20 or newer is needed; this is ${process.version}.`);
if (command === undefined) fail("usage: node infra/with-install.mjs <command> [arguments…]");

if (!isInstalled()) await withLock(install);
process.exitCode = await runCommand();

function isInstalled() {
  return existsSync(stampFile) && readFileSync(stampFile, "utf8") === expectedStamp();
}

/** Whatever decides what an install puts into node_modules. */
function expectedStamp() {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml"]) hash.update(readFileSync(join(root, file)));
  return hash.digest("hex");
}

async function install() {
  // Somebody else may have installed while we waited for the lock.
  if (isInstalled()) return;
  console.error("installing dependencies …");
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const result = await run("npx", ["-y", packageManager, "install", "--frozen-lockfile"], {
    env: installEnv(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (stoppedBy !== undefined) exitBy(stoppedBy);
  if (result.error !== undefined) fail(`npx does not start (${result.error.message}): npm has to be installed.`);
  if (result.code !== 0) {
    process.stderr.write(result.output);
    fail(`the dependencies could not be installed (npx ${packageManager} install ended with ${result.code}).`);
  }
  writeFileSync(stampFile, expectedStamp());
}

/** npm hands its own settings to the scripts that it runs. Only those that tell how to reach the registry may go on. */
function installEnv() {
  const env = {};
  for (const [name, value] of Object.entries(process.env)) {
    const aboutTheRegistry =
      /^npm_config_(.*registry|.*proxy|userconfig|globalconfig|cache|cafile|ca|cert|key|strict_ssl|\/\/.*)$/i;
    if (!/^npm_/i.test(name) || aboutTheRegistry.test(name)) env[name] = value;
  }
  // With NODE_ENV=production the tools would be left out, and without CI pnpm may want to ask before it replaces a folder.
  delete env.NODE_ENV;
  env.CI = "true";
  // npx is next to node, also where only node was put on the PATH.
  env.PATH = [env.PATH, dirname(process.execPath)].filter(Boolean).join(delimiter);
  return env;
}

/** Holds a folder as lock around `work`. Its time is renewed all along, so that a lock whose holder was killed is seen. */
async function withLock(work) {
  mkdirSync(dirname(lock), { recursive: true });
  for (let told = false; !takeLock(); told = true) {
    if (!told) console.error("waiting for another install in this folder …");
    if (stoppedBy !== undefined) exitBy(stoppedBy);
    await pause(200);
  }
  const beat = setInterval(() => utimesSync(lock, new Date(), new Date()), LOCK_BEAT_MS);
  const release = () => rmSync(lock, { recursive: true, force: true });
  process.once("exit", release);
  try {
    await work();
  } finally {
    clearInterval(beat);
    process.off("exit", release);
    release();
  }
}

function takeLock() {
  try {
    mkdirSync(lock);
    writeFileSync(join(lock, "pid"), String(process.pid));
    for (const name of readdirSync(dirname(lock))) {
      if (name.startsWith("install.lock-")) rmSync(join(dirname(lock), name), { recursive: true, force: true });
    }
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") fail(`cannot install here: ${error.message}`);
  }
  try {
    const { mtimeMs } = statSync(lock);
    // Of several that find the same stale lock one may move it away: a second rename to that name fails, since a folder
    // with something in it cannot be replaced. Without that the second would take the first one's new lock away.
    if (Date.now() - mtimeMs > LOCK_STALE_MS) renameSync(lock, `${lock}-${mtimeMs}`);
  } catch {
    // Released, or moved by another one, in between.
  }
  return false;
}

async function runCommand() {
  // bin/ has the `pnpm` that turbo wants.
  const path = [join(root, "infra", "bin"), join(root, "node_modules", ".bin"), process.env.PATH];
  const env = {
    ...process.env,
    PATH: path.filter(Boolean).join(delimiter),
    TURBO_TELEMETRY_DISABLED: "1",
    DO_NOT_TRACK: "1",
  };
  const result = await run(command, args, { env, stdio: "inherit" });
  if (result.error !== undefined) fail(`${command} does not start: ${result.error.message}`, 127);
  return result.code;
}

/** Runs a program to its end. A signal that ended it counts as the code that a shell would give. */
function run(program, programArgs, options) {
  return new Promise((resolve) => {
    let output = "";
    child = spawn(program, programArgs, { cwd: root, ...options });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    child.on("error", (error) => resolve({ code: 127, output, error }));
    child.on("close", (code, signal) => resolve({ code: code ?? signalCode(signal), output }));
  });
}

function signalCode(signal) {
  return 128 + (constants.signals[signal] ?? 0);
}

function exitBy(signal) {
  process.exit(signalCode(signal));
}

function fail(message, code = 1) {
  console.error(message);
  process.exit(code);
}
