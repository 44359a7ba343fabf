import { createFunctionBody } from "@belfry/contract/function.ts";
import {
  makeAccount,
  makeDue,
  makeJob,
  makeWorker,
  openTestLedger,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { idAt } from "@belfry/testing/id-at.ts";
import { sweepOnce } from "@belfry/testing/sweep.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { claimGated } from "./claim-gated.ts";
import type { Db } from "./client.ts";
import { claimExecutions, finishExecutions } from "./executions.ts";
import { createFunction, patchFunction, registerModules } from "./functions.ts";
import type { JobWithLedger } from "./job-glance.ts";
import { listActiveJobs, readWarnings } from "./job-warnings.ts";
import { deleteJob, patchJob, pauseJob, runJob } from "./jobs.ts";
import { getJob, listJobs } from "./read-jobs.ts";
import { markStopped, registerWorker } from "./workers.ts";

let ledger: TestLedger;
let db: Db;
let account: TestAccount;

// Workers count for every job, so each test has a database of its own.
beforeEach(async () => {
  await ledger?.close();
  ledger = await openTestLedger();
  db = ledger.db;
  account = await makeAccount(db);
});
afterAll(() => ledger.close());

const aJob = (body: Record<string, unknown> = {}) => makeJob(db, account, { schedule: "0 0 1 1 *", ...body });
/** As they are found in the ledger, and as they are answered with the job: mostly from a glance at its newest executions. */
async function warningsOf(jobId: string) {
  const found = (await readWarnings(db, [jobId])).get(jobId) ?? [];
  expect((await getJob(db, account.accountId, jobId))?.warnings).toEqual(found);
  return found;
}
const codesOf = async (jobId: string) => (await warningsOf(jobId)).map(({ code }) => code);

/** A manual run, to its end. */
async function run(jobId: string, status: "success" | "failed" | "skipped"): Promise<void> {
  const worker = await makeWorker(db);
  const executionId = (await runJob(db, account.accountId, jobId))?.executionId as string;
  await claimExecutions(db, worker, [{ executionId, attempt: 1 }]);
  const error = status === "failed" ? ({ code: "HTTP_STATUS", message: "HTTP 500" } as const) : null;
  const skipReason = status === "skipped" ? "check_declined" : null;
  await finishExecutions(db, worker, [
    { executionId, attempt: 1, status, skipReason, error, check: null, perform: null },
  ]);
}

/** Lets an hour pass, as far as this job's pending executions know. */
const anHourPasses = (jobId: string) =>
  db.execute(sql`update executions set available_at = available_at - interval '1 hour' where job_id = ${jobId}`);

const sweep = () => sweepOnce(db);

it("says nothing of a job that is well", async () => {
  const jobId = await aJob();
  await run(jobId, "success");
  expect(await getJob(db, account.accountId, jobId)).toMatchObject({ warnings: [] });
});

it("finds the last run behind any number of executions that never ran", async () => {
  const jobId = await aJob();
  await run(jobId, "success");
  const { lastRun } = (await getJob(db, account.accountId, jobId)) as JobWithLedger;
  expect(lastRun).not.toBeNull();
  await db.execute(sql`
    insert into executions (id, account_id, job_id, function_id, trigger, scheduled_for, scheduled_until, status, skip_reason, completed_at)
    select ${idAt(sql`t`)}, account_id, job_id, function_id, 'schedule', t, t, 'skipped', 'overlap', t
    from (select * from executions where job_id = ${jobId} limit 1) e,
      lateral (select e.scheduled_for + n * interval '1 minute' as t from generate_series(1, 20) n) later`);
  expect(await getJob(db, account.accountId, jobId)).toMatchObject({ lastRun, warnings: [] });
});

describe("NO_WORKER", () => {
  it("names the pool that nobody serves, since the job was planned or the last worker left", async () => {
    const jobId = await aJob({ pool: "reports" });
    await makeWorker(db);
    const job = await getJob(db, account.accountId, jobId);
    const warning = { code: "NO_WORKER", message: 'no living worker serves the pool "reports"' };
    expect(job?.warnings).toEqual([{ ...warning, since: job?.plannedFrom }]);

    await registerWorker(db, { id: "w", pool: "reports", host: "h", pid: 1, concurrency: 1, modules: [] });
    expect(await warningsOf(jobId)).toEqual([]);
    await markStopped(db, "w");
    const [again] = await warningsOf(jobId);
    expect(again).toMatchObject(warning);
    expect(again?.since.getTime()).toBeGreaterThan(job?.plannedFrom.getTime() as number);
  });

  it("names the module that no worker of the pool has", async () => {
    await registerModules(db, [{ name: "hello", description: "", check: true, timeoutMs: null }]);
    const body = createFunctionBody.parse({ name: "mine", kind: "module", module: "hello" });
    const { id } = await createFunction(db, account.accountId, body);
    const jobId = await makeJob(db, { ...account, functionId: id });
    await makeWorker(db);
    expect(await warningsOf(jobId)).toMatchObject([
      { code: "NO_WORKER", message: 'no living worker of the pool "default" has the module "hello"' },
    ]);
    await registerWorker(db, { id: "w", pool: "default", host: "h", pid: 1, concurrency: 1, modules: ["x", "hello"] });
    expect(await warningsOf(jobId)).toEqual([]);
  });
});

describe("OVERDUE", () => {
  it("is a next run that nobody has planned for a minute", async () => {
    await makeWorker(db);
    const jobId = await aJob({ schedule: "@every 1s" });
    await makeDue(db, jobId, 50);
    expect(await codesOf(jobId)).toEqual([]);
    await makeDue(db, jobId, 90);
    const job = await getJob(db, account.accountId, jobId);
    expect(job?.warnings).toMatchObject([{ code: "OVERDUE", since: job?.nextRun }]);
    await sweep();
    expect(await codesOf(jobId)).toEqual([]);
  });
});

describe("NOT_STARTED", () => {
  it("is an execution that nobody has claimed for a minute, and says who could", async () => {
    const jobId = await aJob();
    await runJob(db, account.accountId, jobId);
    await makeWorker(db);
    expect(await codesOf(jobId)).toEqual([]);
    await anHourPasses(jobId);
    expect(await warningsOf(jobId)).toMatchObject([
      {
        code: "NOT_STARTED",
        message: 'an execution waits to be claimed by a worker: 1 living worker serves the pool "default"',
      },
    ]);
    const [warning] = await warningsOf(jobId);
    expect(Date.now() - (warning?.since.getTime() as number)).toBeGreaterThan(3_500_000);
    await patchJob(db, account.accountId, jobId, { pool: "reports" });
    expect(await warningsOf(jobId)).toMatchObject([
      { code: "NO_WORKER" },
      {
        code: "NOT_STARTED",
        message: 'an execution waits to be claimed by a worker: no living worker serves the pool "reports"',
      },
    ]);
  });

  it("says which limit holds it back", async () => {
    await patchFunction(db, account.accountId, account.functionId, { max_concurrency: 1 });
    const jobId = await aJob();
    const worker = await makeWorker(db);
    for (let i = 0; i < 2; i++) {
      const executionId = (await runJob(db, account.accountId, jobId))?.executionId as string;
      await claimGated(db, worker, [{ executionId, attempt: 1 }]);
    }
    await anHourPasses(jobId);
    expect(await warningsOf(jobId)).toMatchObject([
      { code: "NOT_STARTED", message: "an execution waits: the function's limit of 1 at once" },
    ]);
  });

  it("is neither one that runs nor one that waits for its turn", async () => {
    const jobId = await aJob({ overlap: { policy: "queue" } });
    const worker = await makeWorker(db);
    const executionId = (await runJob(db, account.accountId, jobId))?.executionId as string;
    await claimExecutions(db, worker, [{ executionId, attempt: 1 }]);
    await runJob(db, account.accountId, jobId);
    await anHourPasses(jobId);
    expect(await codesOf(jobId)).toEqual([]);
  });
});

describe("OUTLASTS_INTERVAL", () => {
  /** A job of which an occurrence each second has been executed in `ms`. */
  async function executed(ms: number, count = 2): Promise<string> {
    const worker = await makeWorker(db);
    const jobId = await aJob({ schedule: "@every 1s" });
    await makeDue(db, jobId, count);
    const { dispatches } = await sweep();
    await claimExecutions(db, worker, dispatches);
    const ended = { attempt: 1, status: "success", skipReason: null, error: null, check: null, perform: null } as const;
    await finishExecutions(
      db,
      worker,
      dispatches.map(({ executionId }) => ({ ...ended, executionId })),
    );
    await db.execute(sql`update executions set duration_ms = ${ms} where job_id = ${jobId}`);
    return jobId;
  }

  it("is a last execution that took longer than the next one was away", async () => {
    const jobId = await executed(1_500);
    expect(await warningsOf(jobId)).toMatchObject([
      { code: "OUTLASTS_INTERVAL", message: "the last execution took 1.5 s, the next one was due 1.0 s after it" },
    ]);
  });

  it("is not one that took as long, nor one of an earlier schedule", async () => {
    expect(await codesOf(await executed(1_000))).toEqual([]);
    const jobId = await executed(1_500);
    await patchJob(db, account.accountId, jobId, { schedule: "@every 1h" });
    expect(await codesOf(jobId)).toEqual([]);
  });
});

describe("FAILING", () => {
  it("begins with the third failure in a row and ends with a success", async () => {
    const jobId = await aJob();
    await run(jobId, "failed");
    await run(jobId, "skipped");
    await run(jobId, "failed");
    expect(await codesOf(jobId)).toEqual([]);
    await run(jobId, "failed");
    expect(await warningsOf(jobId)).toMatchObject([
      { code: "FAILING", message: "the last 3 executions have failed, the newest with HTTP_STATUS: HTTP 500" },
    ]);
    await run(jobId, "success");
    expect(await codesOf(jobId)).toEqual([]);
  });

  it("counts up to a hundred", async () => {
    const jobId = await aJob();
    for (let i = 0; i < 3; i++) await run(jobId, "failed");
    await db.execute(sql`
      insert into executions (id, account_id, job_id, function_id, trigger, scheduled_for, scheduled_until, status, completed_at)
      select ${idAt(sql`t`)}, account_id, job_id, function_id, trigger, t, t, 'failed', t
      from (select * from executions where job_id = ${jobId} limit 1) e,
        lateral (select e.scheduled_for - n * interval '1 hour' as t from generate_series(1, 200) n) earlier`);
    const [warning] = await warningsOf(jobId);
    expect(warning?.message).toContain("the last 100 executions or more have failed");
    // When the first of those that are counted has ended.
    expect(Date.now() - (warning?.since.getTime() as number)).toBeGreaterThan(95 * 3_600_000);
  });
});

it("warns only of jobs that are active and enabled", async () => {
  const [paused, deleted, active] = [await aJob(), await aJob(), await aJob()];
  await pauseJob(db, account.accountId, paused);
  await deleteJob(db, account.accountId, deleted);
  expect(await readWarnings(db, [paused, deleted, active])).toEqual(
    new Map([[active, [expect.objectContaining({ code: "NO_WORKER" })]]]),
  );
  expect(await listActiveJobs(db, null, 10)).toMatchObject([{ jobId: active }]);
  expect(await listActiveJobs(db, active, 10)).toEqual([]);
  const listed = await listJobs(db, account.accountId, {}, { limit: 10 });
  expect(listed.map(({ warnings }) => warnings.length)).toEqual([1, 0, 0]);
});
