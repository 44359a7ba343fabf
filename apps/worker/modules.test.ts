/** A worker with a folder of modules, as a process: reloading, disabled functions, and what the ledger keeps of a run. */
import { listFunctions } from "@belfry/db/functions.ts";
import { runJob } from "@belfry/db/jobs.ts";
import { getExecution } from "@belfry/db/read-executions.ts";
import { getJob } from "@belfry/db/read-jobs.ts";
import { readRegistry } from "@belfry/db/read-registry.ts";
import { makeAccount, makeJob, openTestLedger, type TestAccount, type TestLedger } from "@belfry/testing/factories.ts";
import { type FunctionFolder, makeFunctionFolder } from "@belfry/testing/function-folder.ts";
import { type AppProcess, startApp } from "@belfry/testing/processes.ts";
import { afterAll, beforeAll, expect, it } from "vitest";

let ledger: TestLedger;
let account: TestAccount;
let folder: FunctionFolder;
let scheduler: AppProcess;
let worker: AppProcess;

beforeAll(async () => {
  folder = makeFunctionFolder();
  folder.define("version.ts", `name: "version", perform: () => 1`);
  folder.define("off.ts", `name: "off", enabled: false, perform: () => process.exit(1)`);
  folder.define(
    "undo.ts",
    `name: "undo", perform(event, { progress }) { progress(40, "half way"); throw new Error("no"); }, rollback: () => "undone"`,
  );
  folder.define(
    "slow.ts",
    `name: "slow", perform: (event, { payload, progress }) => { progress(10, "begun"); return new Promise((done) => setTimeout(done, payload, "from the old code")); }`,
  );
  ledger = await openTestLedger();
  account = await makeAccount(ledger.db);
  const env = { DATABASE_URL: ledger.url, BELFRY_FUNCTIONS_DIR: folder.dir, BELFRY_RELOAD: "true" };
  [scheduler, worker] = await Promise.all([
    startApp("scheduler", { DATABASE_URL: ledger.url }),
    startApp("worker", env),
  ]);
});
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
const read = (executionId: string) => getExecution(ledger.db, account.accountId, executionId);
async function ended(executionId: string) {
  await expect
    .poll(async () => (await read(executionId))?.execution.completedAt, { timeout: 20_000, interval: 50 })
    .not.toBeNull();
  return (await read(executionId))?.execution;
}
const outcomeOf = async (module: string) => ended(await run(await jobOn(module)));
const entryOf = async (name: string) => (await readRegistry(ledger.db)).functions.find((fn) => fn.name === name);

it("records rollback, progress and use of resources, for each attempt", async () => {
  const executionId = await run(await jobOn("undo", { retry: { attempts: 2, backoff_ms: 1 } }));
  expect(await ended(executionId)).toMatchObject({
    status: "failed",
    attempt: 2,
    progress: { percent: 40, text: "half way" },
    perform: { error: { message: "no" }, resources: { cpu_ms: expect.any(Number) } },
    rollback: { output: "undone", error: null },
  });
  expect((await read(executionId))?.attempts).toMatchObject([{ outcome: "failed", rollback: { output: "undone" } }]);
});

it("keeps the progress of what still runs", async () => {
  const executionId = await run(await jobOn("slow", { payload: 3_000 }));
  const progress = async () => (await read(executionId))?.execution.progress;
  await expect.poll(progress, { timeout: 10_000 }).toMatchObject({ percent: 10, text: "begun" });
  expect(await ended(executionId)).toMatchObject({ status: "success", progress: { percent: 10 } });
});

it("skips what is due of a function that is disabled, and lists it", async () => {
  expect(await outcomeOf("off")).toMatchObject({
    status: "skipped",
    skipReason: "function_disabled",
    check: null,
    perform: null,
  });
  expect(await entryOf("off")).toMatchObject({ enabled: false, workers: [{ pool: "default" }] });
});

it("runs the new code of a file that was changed, and lets what runs finish on the old", async () => {
  expect(await outcomeOf("version")).toMatchObject({ perform: { output: 1 } });
  const running = await run(await jobOn("slow", { payload: 4_000 }));
  await expect.poll(async () => (await read(running))?.execution.progress, { timeout: 10_000 }).not.toBeNull();
  folder.define("version.ts", `name: "version", perform: () => 2`);
  folder.define("slow.ts", `name: "slow", perform: () => "from the new code"`);
  folder.define("added.ts", `name: "added", perform: () => "here"`);

  await expect.poll(() => entryOf("added"), { timeout: 15_000 }).toBeDefined();
  await expect.poll(async () => (await outcomeOf("version"))?.perform?.output, { timeout: 15_000 }).toBe(2);
  expect(await outcomeOf("slow")).toMatchObject({ perform: { output: "from the new code" } });
  expect(await outcomeOf("added")).toMatchObject({ perform: { output: "here" } });
  expect(await ended(running)).toMatchObject({ attempt: 1, perform: { output: "from the old code" } });
}, 60_000);

it("keeps the former version of a file that was broken, says so, and takes the file when it is mended", async () => {
  folder.write("version.ts", "export default {");
  await expect
    .poll(async () => (await entryOf("version"))?.problem, { timeout: 15_000 })
    .toMatch(/version\.ts: cannot be/);
  expect(await entryOf("version")).toMatchObject({ workers: [{ pool: "default" }] });
  expect(await outcomeOf("version")).toMatchObject({ status: "success", perform: { output: 2 } });

  folder.define("version.ts", `name: "version", perform: () => 3`);
  await expect.poll(async () => (await entryOf("version"))?.problem, { timeout: 15_000 }).toBeUndefined();
  expect(await outcomeOf("version")).toMatchObject({ perform: { output: 3 } });
}, 60_000);

it("runs the version that it surveyed, although the file was broken meanwhile and its processes end", async () => {
  folder.define(
    "version.ts",
    `name: "version", perform(event, { payload }) { if (payload === "exit") process.exit(1); return { n: 4, pid: process.pid }; }`,
  );
  await expect
    .poll(async () => (await outcomeOf("version"))?.perform?.output, { timeout: 15_000 })
    .toMatchObject({ n: 4 });
  const outputOf = async () => (await outcomeOf("version"))?.perform?.output;
  const before = await outputOf();
  folder.write("notes.txt", "hi");
  folder.define("late.ts", `name: "late", perform() {}`);
  await expect.poll(() => entryOf("late"), { timeout: 15_000 }).toBeDefined();
  expect(await outputOf()).toEqual(before);

  folder.write("version.ts", "throw new Error('half an edit');");
  await expect.poll(async () => (await entryOf("version"))?.problem, { timeout: 15_000 }).toMatch(/goes on/);
  expect(await outputOf()).toEqual(before);
  const crashed = await ended(await run(await jobOn("version", { payload: "exit", retry: { attempts: 1 } })));
  expect(crashed).toMatchObject({ status: "failed", error: { code: "FUNCTION_CRASHED" } });
  const after = await outcomeOf("version");
  expect(after).toMatchObject({ status: "success", attempt: 1, perform: { output: { n: 4 } } });
  expect(after?.perform?.output).not.toEqual(before);
}, 60_000);

it("shows a job whose function no worker has any more, and why", async () => {
  const jobId = await jobOn("added");
  await worker.kill("SIGTERM");
  folder.write("added.ts", "throw new Error('no database at /srv/own/db.sock');");
  worker = await startApp("worker", { DATABASE_URL: ledger.url, BELFRY_FUNCTIONS_DIR: folder.dir });

  expect((await getJob(ledger.db, account.accountId, jobId))?.warnings).toMatchObject([
    {
      code: "NO_WORKER",
      message:
        'no living worker of the pool "default" has the module "added"; added.ts: cannot be imported: no database at …/db.sock',
    },
  ]);
  expect(await entryOf("added")).toMatchObject({
    workers: [],
    problem: "added.ts: cannot be imported: no database at /srv/own/db.sock",
  });
});
