/** The worker as a process: what it needs in order to start, and what it says when it has not got it. */

import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listFunctions } from "@belfry/db/functions.ts";
import { makeAccount, openTestLedger, rowsOf, type TestLedger } from "@belfry/testing/factories.ts";
import { type AppProcess, runApp, startApp } from "@belfry/testing/processes.ts";
import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";

const DEFINE = new URL("../../packages/functions/define-function.ts", import.meta.url).href;

let ledger: TestLedger;
let folder: string;
let worker: AppProcess | null = null;

beforeAll(async () => {
  ledger = await openTestLedger();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "belfry-functions-"));
});
afterEach(async () => {
  await worker?.kill("SIGKILL");
  worker = null;
  rmSync(folder, { recursive: true, force: true });
});
afterAll(() => ledger.close());

const addFunction = (file: string, name: string) =>
  writeFileSync(
    join(folder, file),
    `import { defineFunction } from ${JSON.stringify(DEFINE)};\nexport default defineFunction({ name: ${JSON.stringify(name)}, perform: () => null });\n`,
  );
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
const env = (more: Record<string, string> = {}) => ({
  DATABASE_URL: ledger.url,
  BELFRY_FUNCTIONS_DIR: folder,
  ...more,
});

/** What a worker that does not start says, which is one line. */
async function refusal(more: Record<string, string> = {}): Promise<string> {
  const { code, output } = await runApp("worker", env({ LOG_LEVEL: "silent", ...more }));
  expect(code).toBe(1);
  expect(output).toMatch(/^belfry worker: [^\n]+\n$/);
  return output;
}

it("registers itself and its modules, is ready, and is gone for good at SIGTERM", async () => {
  addFunction("greet.ts", "greet");
  const port = await freePort();
  worker = await startApp(
    "worker",
    env({ BELFRY_POOL: "gpu", BELFRY_CONCURRENCY: "7", BELFRY_HEALTH_PORT: String(port) }),
  );
  const { accountId } = await makeAccount(ledger.db);
  expect((await listFunctions(ledger.db, accountId, { limit: 10 })).map((fn) => fn.name)).toContain("greet");
  const row = async () =>
    (
      await rowsOf(ledger.db, sql`select pool, concurrency, pid, stopped_at from workers where pid = ${worker?.pid}`)
    )[0];
  expect(await row()).toMatchObject({ pool: "gpu", concurrency: 7, stopped_at: null });
  await expect.poll(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status, { timeout: 5_000 }).toBe(200);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  for (const name of ["automation_execution_duration", "automation_job_runs_total", "nodejs_eventloop_lag_seconds"])
    expect(metrics).toContain(`# HELP ${name} `);

  expect(await worker.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  expect((await row())?.stopped_at).not.toBeNull();
});

it("starts without the files that it cannot use, and says so", async () => {
  addFunction("fine.ts", "fine");
  addFunction("one.ts", "same");
  addFunction("two.ts", "same");
  writeFileSync(join(folder, "broken.ts"), "export default {");
  worker = await startApp("worker", env());
  const problems = worker.log.filter(({ level }) => level === "error").map(({ msg }) => msg);
  expect(problems).toEqual([
    expect.stringContaining("broken.ts: cannot be imported"),
    expect.stringContaining('one.ts and two.ts: both define a function named "same"'),
    expect.stringContaining('one.ts and two.ts: both define a function named "same"'),
  ]);
  const [row] = await rowsOf(ledger.db, sql`select modules, problems from workers where pid = ${worker.pid}`);
  expect(row).toMatchObject({
    modules: ["fine"],
    problems: [{ file: "broken.ts" }, { file: "one.ts" }, { file: "two.ts" }],
  });
});

it("does not start without the folder", async () => {
  expect(await refusal({ BELFRY_FUNCTIONS_DIR: join(folder, "missing") })).toContain("there is no such folder");
});

it("does not start with settings that it cannot use", async () => {
  const output = await refusal({ BELFRY_POOL: "No Pool", BELFRY_CONCURRENCY: "0", BELFRY_DRAIN_MS: "1" });
  for (const name of ["BELFRY_POOL: ", "BELFRY_CONCURRENCY: ", "BELFRY_DRAIN_MS: "]) expect(output).toContain(name);
});

it("does not start with targets that it cannot read, and says which", async () => {
  const settings = {
    BELFRY_HTTP_ALLOW: "10.0.0.0/8, 10.0.0.0/33",
    BELFRY_HTTP_PORTS: "443, http",
    BELFRY_HTTP_CONNECTIONS: "0",
  };
  expect(await refusal(settings)).toBe(
    'belfry worker: configuration is not usable: BELFRY_HTTP_ALLOW: "10.0.0.0/33" has a prefix longer than 32 bits; BELFRY_HTTP_PORTS: "http" is neither a port from 1 to 65535 nor a range of them; BELFRY_HTTP_CONNECTIONS: must be a whole number from 1 to 10000\n',
  );
});

it("does not start without its servers", async () => {
  expect(await refusal({ DATABASE_URL: "postgres://me:hunter2@127.0.0.1:1/x" })).toBe(
    "belfry worker: DATABASE_URL: cannot reach Postgres: connect ECONNREFUSED 127.0.0.1:1\n",
  );
  expect(await refusal({ REDIS_URL: "redis://127.0.0.1:1" })).toBe(
    "belfry worker: REDIS_URL: cannot reach Redis: connect ECONNREFUSED 127.0.0.1:1\n",
  );
});

it("stops, for another to take its place, when the cluster has counted it as lost", async () => {
  worker = await startApp("worker", env());
  await ledger.db.execute(sql`update workers set stopped_at = now() where pid = ${worker.pid}`);
  expect(await worker.exited).toEqual({ code: 1, signal: null });
  expect(worker.log).toContainEqual(
    expect.objectContaining({ level: "fatal", reason: expect.stringContaining("counted as lost") }),
  );
});
