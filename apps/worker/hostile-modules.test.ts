/** A worker whose folder holds modules of every bad kind, and one that behaves: nothing of them reaches the worker or it. */

import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { listFunctions } from "@belfry/db/functions.ts";
import { runJob } from "@belfry/db/jobs.ts";
import { getExecution } from "@belfry/db/read-executions.ts";
import {
  makeAccount,
  makeJob,
  openTestLedger,
  rowsOf,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { type FunctionFolder, makeFunctionFolder } from "@belfry/testing/function-folder.ts";
import { type AppProcess, startApp } from "@belfry/testing/processes.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";

let ledger: TestLedger;
let account: TestAccount;
let folder: FunctionFolder;
let scheduler: AppProcess;
let worker: AppProcess;

/** Marks what the fork bomb starts, among all processes of the machine. */
const SLEEP = `86${process.pid}.${Date.now() % 100_000}`;

beforeAll(async () => {
  folder = makeFunctionFolder();
  folder.write("at-import-throws.ts", `throw new Error("no database");`);
  folder.write("at-import-never-ends.ts", "await new Promise(() => undefined);");
  folder.write("at-import-loops.ts", "for (;;);");
  folder.write("at-import-exits.ts", "process.exit(0);");
  folder.define(
    "good.ts",
    `name: "good", check: () => ({ shouldPerform: true }), perform: () => new Promise((done) => setTimeout(done, 20, "well"))`,
  );
  folder.define("never-resolves.ts", `name: "never resolves", perform: () => new Promise(() => undefined)`);
  folder.define("loops.ts", `name: "loops", perform() { for (;;); }`);
  folder.define(
    "leaks-heap.ts",
    `name: "leaks heap", perform() { for (const all = []; ; ) all.push(new Array(1e5).fill(all.length)); }`,
  );
  folder.define(
    "leaks-buffers.ts",
    `name: "leaks buffers", async perform() {
      for (const all = []; ; await new Promise((done) => setTimeout(done, 5))) all.push(Buffer.alloc(4e6, 1));
    }`,
  );
  folder.define("exits.ts", `name: "exits", perform() { process.exit(0); }`);
  folder.define(
    "throws-late.ts",
    `name: "throws late", perform() {
      setTimeout(() => { throw new Error("thrown where nobody catches it"); });
      return new Promise(() => undefined);
    }`,
  );
  folder.define(
    "forks.ts",
    `name: "forks", async perform() {
      const { spawn } = await import("node:child_process");
      for (let i = 0; i < 30; i++) spawn("sh", ["-c", "sleep ${SLEEP} & sleep ${SLEEP}"], { stdio: "ignore" });
      await new Promise(() => undefined);
    }`,
  );
  ledger = await openTestLedger();
  account = await makeAccount(ledger.db);
  // Each sign of life of a worker leaves a row.
  await ledger.db.execute(
    sql.raw(`
    create table beats (worker text, at timestamptz);
    create function note_beat() returns trigger language plpgsql as
      $$ begin insert into beats values (new.id, new.last_seen_at); return new; end $$;
    create trigger note_beat after update of last_seen_at on workers for each row execute function note_beat();`),
  );
  const env = { DATABASE_URL: ledger.url, LOG_LEVEL: "info" };
  [scheduler, worker] = await Promise.all([
    startApp("scheduler", env),
    startApp("worker", { ...env, BELFRY_FUNCTIONS_DIR: folder.dir, BELFRY_MODULE_MEMORY_MB: "128" }),
  ]);
}, 60_000);
afterAll(async () => {
  await Promise.all([scheduler, worker].map((app) => app?.kill("SIGKILL")));
  await ledger.close();
  folder.close();
});

async function jobOn(module: string, job: Record<string, unknown> = {}): Promise<string> {
  const functions = await listFunctions(ledger.db, account.accountId, { limit: 50 });
  const functionId = functions.find((fn) => fn.name === module)?.id as string;
  return makeJob(ledger.db, { ...account, functionId }, { schedule: "0 0 1 1 *", ...job });
}
const run = async (jobId: string) => (await runJob(ledger.db, account.accountId, jobId))?.executionId as string;
const read = async (executionId: string) => (await getExecution(ledger.db, account.accountId, executionId))?.execution;
async function ended(executionId: string) {
  await expect
    .poll(async () => (await read(executionId))?.completedAt, { timeout: 60_000, interval: 100 })
    .not.toBeNull();
  return read(executionId);
}
const forked = () =>
  execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(SLEEP)).length;

it("offers the files that are well, and says of each other what is wrong", async () => {
  const [row] = await rowsOf<{ problems: { file: string; message: string }[]; modules: string[] }>(
    ledger.db,
    sql`select problems, modules from workers`,
  );
  expect(Object.fromEntries(row?.problems.map(({ file, message }) => [file, message]) ?? [])).toEqual({
    "at-import-throws.ts": "cannot be imported: no database",
    "at-import-never-ends.ts": expect.stringContaining("was not imported within"),
    "at-import-loops.ts": expect.stringContaining("was not imported within"),
    "at-import-exits.ts": "ended the process that imported it (exit code 0)",
  });
  expect(row?.modules).toHaveLength(8);
});

it("records what each comes to, while every execution beside them succeeds and the worker's heart goes on", async () => {
  const good = await jobOn("good");
  const limits = { perform_timeout_ms: 1_000 };
  const slow = { perform_timeout_ms: 50_000 };
  const hostile = await Promise.all(
    [
      ["never resolves", limits],
      ["loops", limits],
      ["leaks heap", slow],
      ["leaks buffers", slow],
      ["exits", slow],
      ["throws late", slow],
      ["forks", limits],
    ].map(
      async ([name, job]) => [name, await run(await jobOn(name as string, job as Record<string, unknown>))] as const,
    ),
  );
  let over = false;
  const outcomes = Promise.all(hostile.map(async ([name, id]) => [name, await ended(id)] as const)).finally(() => {
    over = true;
  });
  const beside: string[] = [];
  while (!over || beside.length < 50) {
    beside.push(await run(good));
    await sleep(20);
  }
  const byName = Object.fromEntries(await outcomes);

  const failed = (code: string, message: RegExp) => ({
    status: "failed",
    error: { code, message: expect.stringMatching(message) },
    perform: { error: { code } },
  });
  expect(byName).toMatchObject({
    "never resolves": failed("TIMEOUT", /limit of 1000 ms/),
    loops: failed("TIMEOUT", /limit of 1000 ms/),
    "leaks heap": failed("FUNCTION_CRASHED", /more memory than it may use/),
    "leaks buffers": failed("FUNCTION_CRASHED", /it used \d+ MB, at most 256 are allowed/),
    exits: failed("FUNCTION_CRASHED", /called process\.exit\(0\)/),
    "throws late": failed("FUNCTION_CRASHED", /thrown where nobody catches it/),
    forks: failed("TIMEOUT", /limit of 1000 ms/),
  });
  const executions = await Promise.all(beside.map(ended));
  expect(executions.filter((e) => e?.status !== "success" || e.attempt !== 1)).toEqual([]);

  // What was forked ends with the host that forked it, which does not outlive its last execution.
  await expect.poll(forked, { timeout: 10_000 }).toBe(0);

  const [signs] = await rowsOf<{ workers: number; stopped: number; beats: number; expected: number }>(
    ledger.db,
    sql`select count(distinct worker)::int as workers, count(*)::int as beats,
          (select count(*)::int from workers where stopped_at is not null) as stopped,
          floor(extract(epoch from max(at) - min(at)) / 2 / 2)::int as expected
        from beats`,
  );
  expect(signs).toMatchObject({ workers: 1, stopped: 0 });
  expect(signs?.beats).toBeGreaterThanOrEqual(signs?.expected as number);
  // The worker itself is the one that was started.
  expect(() => process.kill(worker.pid, 0)).not.toThrow();
}, 120_000);

it("ends its hosts, and what they have forked, when it is killed", async () => {
  const executionId = await run(await jobOn("forks", { perform_timeout_ms: 600_000 }));
  await expect.poll(forked, { timeout: 20_000 }).toBeGreaterThanOrEqual(30);
  await run(await jobOn("loops", { perform_timeout_ms: 600_000 }));
  await expect.poll(async () => (await read(executionId))?.status).toBe("running");
  await worker.kill("SIGKILL");
  await expect.poll(forked, { timeout: 10_000 }).toBe(0);
  const hosts = () =>
    execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line.includes(folder.dir)).length;
  await expect.poll(hosts, { timeout: 10_000 }).toBe(0);
}, 60_000);
