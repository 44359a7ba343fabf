import type { Db } from "@belfry/db/client.ts";
import { claimExecutions, finishExecutions } from "@belfry/db/executions.ts";
import { pauseJob, resumeJob } from "@belfry/db/jobs.ts";
import { takeForPublish } from "@belfry/db/outbox.ts";
import { getJob } from "@belfry/db/read-jobs.ts";
import { createLogger } from "@belfry/service/logger.ts";
import {
  makeAccount,
  makeDue,
  makeJob,
  makeWorker,
  openTestLedger,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeEach, expect, it } from "vitest";
import { claimDue } from "./claim-due.ts";
import { settle } from "./settle.ts";

const log = createLogger("test", "silent");
let ledger: TestLedger;
let db: Db;
let account: TestAccount;

beforeEach(async () => {
  await ledger?.close();
  ledger = await openTestLedger();
  db = ledger.db;
  account = await makeAccount(db);
});
afterAll(() => ledger.close());

/** A job whose only run is given out and claimed. */
async function lastRun(): Promise<{ jobId: string; finish: (status: "success" | "skipped") => Promise<unknown> }> {
  const jobId = await makeJob(db, account, { max_runs: 1 });
  await makeDue(db, jobId, 5);
  const { dispatches } = await claimDue(db, 10);
  const executionId = dispatches[0]?.executionId as string;
  const worker = await makeWorker(db);
  await claimExecutions(db, worker, [{ executionId, attempt: 1 }]);
  const verdict = { executionId, attempt: 1, error: null, check: null, perform: null };
  return {
    jobId,
    finish: (status) =>
      finishExecutions(db, worker, [
        { ...verdict, status, skipReason: status === "skipped" ? "check_declined" : null },
      ]),
  };
}

const read = (jobId: string) => getJob(db, account.accountId, jobId);

it("completes a job when its last run has ended, and not before", async () => {
  const { jobId, finish } = await lastRun();
  expect(await settle(db, log, 10)).toEqual({ completed: 0, resumed: 0 });
  expect(await read(jobId)).toMatchObject({ status: "active" });
  await finish("success");
  expect(await settle(db, log, 10)).toEqual({ completed: 1, resumed: 0 });
  expect(await read(jobId)).toMatchObject({ status: "completed", runCount: 1, nextRun: null });
});

it("goes on, without a hole, when the check declined the last run", async () => {
  const { jobId, finish } = await lastRun();
  await finish("skipped");
  expect(await settle(db, log, 10)).toEqual({ completed: 0, resumed: 1 });
  const job = await read(jobId);
  expect(job).toMatchObject({ status: "active", runCount: 0 });
  const { dispatches } = await claimDue(db, 10);
  expect(dispatches).toHaveLength(1);
  expect(await read(jobId)).toMatchObject({ runCount: 1, nextRun: null });
});

it("completes a job that was to run once", async () => {
  const jobId = await makeJob(db, account, { schedule: new Date(Date.now() + 300).toISOString() });
  await expect.poll(async () => (await claimDue(db, 10)).jobs, { timeout: 5_000 }).toBe(1);
  expect(await read(jobId)).toMatchObject({ nextRun: null, status: "active", runCount: 1 });
  const worker = await makeWorker(db);
  await db.execute("update executions set publish_at = now()");
  const [taken] = await takeForPublish(db, 1);
  const executionId = taken?.executionId as string;
  await claimExecutions(db, worker, [{ executionId, attempt: 1 }]);
  await finishExecutions(db, worker, [
    {
      executionId,
      attempt: 1,
      status: "failed",
      skipReason: null,
      error: { code: "TIMEOUT", message: "" },
      check: null,
      perform: null,
    },
  ]);
  await settle(db, log, 10);
  expect(await read(jobId)).toMatchObject({ status: "completed" });
});

it("pauses a job of which it is not found out whether it has another run, once what was due has run", async () => {
  const jobId = await makeJob(db, account);
  const at = Date.now() - 2_000;
  const cron = (expression: string) => ({ type: "cron", expression, timezone: "UTC" });
  // One part has ended, and the other one finds nothing within its steps.
  const never = { type: "all", of: [cron("* * 1-31/2 * *"), cron("* * 2-30/2 * *")] };
  const spec = JSON.stringify({ type: "any", of: [{ type: "once", at }, never] });
  await db.execute(sql`update jobs set planned_from = to_timestamp(${at / 1000 - 60}), next_run = to_timestamp(${at / 1000}),
    schedule_spec = ${spec}::jsonb where id = ${jobId}`);
  const { dispatches } = await claimDue(db, 10);
  expect(dispatches).toHaveLength(1);
  expect(await read(jobId)).toMatchObject({ status: "active", nextRun: null, runCount: 1 });

  const executionId = dispatches[0]?.executionId as string;
  const worker = await makeWorker(db);
  await claimExecutions(db, worker, [{ executionId, attempt: 1 }]);
  const verdict = { executionId, attempt: 1, status: "success" as const, skipReason: null };
  await finishExecutions(db, worker, [{ ...verdict, error: null, check: null, perform: null }]);
  expect(await settle(db, log, 10)).toEqual({ completed: 0, resumed: 0 });
  expect(await read(jobId)).toMatchObject({
    status: "paused",
    pausedReason: expect.stringContaining("its schedule cannot be planned: schedule takes too long to search"),
  });
  await expect(resumeJob(db, account.accountId, jobId)).rejects.toMatchObject({ code: "SCHEDULE_INVALID" });
});

it("goes on after the latest change of the plan, not with what lay before it", async () => {
  const { jobId, finish } = await lastRun();
  await pauseJob(db, account.accountId, jobId);
  await finish("skipped");
  await resumeJob(db, account.accountId, jobId);
  const resumedAt = Date.now();
  await settle(db, log, 10);
  expect((await read(jobId))?.nextRun?.getTime()).toBeGreaterThan(resumedAt - 100);
});
