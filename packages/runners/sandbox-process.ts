import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { constants, setPriority } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FromHost, ToHost } from "./sandbox-messages.ts";

const MIB = 1024 * 1024;
/** What a host takes up at most without any function: most of it is memory of past calls that nobody has collected yet. */
const OWN_RSS_BYTES = 320 * MIB;
const PAGE_BYTES = 4096;

/** A process in which uploaded code runs. */
export type SandboxProcess = {
  pid: number | undefined;
  send: (message: ToHost) => void;
  kill: () => void;
  /** Whether its memory is beyond what a call with this limit explains. */
  isBloated: (memoryBytes: number) => boolean;
};

/**
 * Starts a host in a session of its own. `onMessage` gets whatever it says, `onExit` is called once, however it ends.
 * It has no environment, may read the files of which it is made and nothing else, and yields to this process when
 * both want to compute.
 */
export function startSandboxProcess(onMessage: (message: FromHost) => void, onExit: () => void): SandboxProcess {
  const child = spawn(process.execPath, [...FLAGS, HOST_FILE], {
    env: {},
    cwd: "/",
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    serialization: "json",
  });
  let gone = false;
  const exit = () => {
    if (gone) return;
    gone = true;
    onExit();
  };
  child.on("message", (message) => onMessage(message as FromHost));
  child.on("error", exit);
  child.on("exit", exit);
  const { pid } = child;
  if (pid !== undefined) yieldToParent(pid);
  return {
    pid,
    send: (message) => void (child.connected && child.send(message, undefined, undefined, () => undefined)),
    kill: () => killGroup(child),
    isBloated: (memoryBytes) => pid !== undefined && rssOf(pid) > OWN_RSS_BYTES + 2 * memoryBytes,
  };
}

const HOST_FILE = fileURLToPath(new URL("./sandbox-host.ts", import.meta.url));
const require = createRequire(import.meta.url);
const core = require.resolve("quickjs-emscripten-core");

const wasm = require.resolve("@jitl/quickjs-wasmfile-release-sync");

/** The folders of which a host is made: these files, and the packages of QuickJS, by the links to them as well. */
const READS = new Set([
  dirname(HOST_FILE),
  packageOf(core),
  packageOf(wasm),
  packageOf(createRequire(core).resolve("@jitl/quickjs-ffi-types")),
  join(packageOf(core), "../@jitl/quickjs-ffi-types"),
  join(packageOf(wasm), "../quickjs-ffi-types"),
]);

const FLAGS = [
  "--permission",
  ...[...READS].map((folder) => `--allow-fs-read=${folder}`),
  "--max-old-space-size=128",
  "--disallow-code-generation-from-strings",
  "--no-warnings",
];

function packageOf(file: string): string {
  return dirname(file).replace(/\/dist(?:\/.*)?$/, "");
}

/** The host leads a group of its own, so that nothing of it is left. */
function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // it is gone
  }
}

function yieldToParent(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // it has ended already, or the system does not allow it
  }
}

/** Bytes in memory; 0 where the system does not say. */
function rssOf(pid: number): number {
  try {
    return Number(readFileSync(join("/proc", String(pid), "statm"), "ascii").split(" ")[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
}
