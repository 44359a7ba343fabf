import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "@belfry/local-postgres/free-port.ts";
import type { BenchCase } from "./case.ts";
import { startChild } from "./child.ts";
import { openGround } from "./cluster.ts";
import { samplesOf } from "./measurements.ts";
import { figure } from "./table.ts";

const NAME = "start";
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const APPS = ["worker", "scheduler"];
/** What `npm start` prints once everything runs. */
const READY = /API key/i;
const STOP_MS = 15_000;

/** Seconds until `npm start` is ready, with the data of an earlier start, and until single processes are. */
export const start: BenchCase = async ({ servers, all, note }) => {
  await using scope = new AsyncDisposableStack();
  all.defer(() => scope.disposeAsync());
  const folder = mkdtempSync(join(tmpdir(), "belfry-bench-start-"));
  // As root we start a server that runs as another user, who must get here.
  chmodSync(folder, 0o755);
  scope.defer(() => rmSync(folder, { recursive: true, force: true }));
  const cold = await npmStart(folder, scope);
  const warm = await npmStart(folder, scope);
  note(`${NAME}, npm start: ready in ${figure(warm)} s, the first time in ${figure(cold)} s`);
  const samples = [
    ...samplesOf(NAME, "npm start")("ready, with data", "s", warm),
    ...samplesOf(NAME, "npm start")("ready, the first time", "s", cold),
  ];

  const ground = await openGround(servers, "redis", scope);
  const env = {
    ...process.env,
    DATABASE_URL: ground.databaseUrl,
    REDIS_URL: ground.redisUrl ?? undefined,
    BELFRY_QUEUE_PREFIX: ground.prefix,
    BELFRY_FUNCTIONS_DIR: fileURLToPath(new URL("./functions", import.meta.url)),
  };
  for (const app of APPS) {
    const startedAt = performance.now();
    const child = startChild(join(ROOT, "apps", app, "main.ts"), { env, logFile: join(folder, `${app}.log`) });
    scope.defer(child.stop);
    await child.ready;
    const seconds = (performance.now() - startedAt) / 1000;
    note(`${NAME}, ${app}: ready in ${figure(seconds)} s`);
    samples.push(...samplesOf(NAME, app)("ready", "s", seconds));
  }
  return samples;
};

/** Starts a whole cluster with its data in this folder, and ends it again. Seconds until it was ready. */
async function npmStart(folder: string, scope: AsyncDisposableStack): Promise<number> {
  const { DATABASE_URL: _, REDIS_URL: __, ...rest } = process.env;
  const env = { ...rest, BELFRY_DATA_DIR: join(folder, "data"), PORT: String(await freePort()) };
  const startedAt = performance.now();
  // A group of its own, so that npm and all that it started can be ended together.
  const child = spawn("npm", ["start"], { cwd: ROOT, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    kill("SIGINT");
    const late = setTimeout(() => kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(late);
  };
  scope.defer(stop);
  let printed = "";
  const ready = new Promise<void>((resolve, reject) => {
    const read = (part: Buffer) => {
      printed += part.toString();
      if (READY.test(printed)) resolve();
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("error", reject);
    void ended.then(() => reject(new Error(`npm start ended: ${printed.trim().split("\n").slice(-3).join(" ")}`)));
  });
  await ready;
  const seconds = (performance.now() - startedAt) / 1000;
  await stop();
  return seconds;

  function kill(signal: NodeJS.Signals): void {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // It has just ended.
    }
  }
}
