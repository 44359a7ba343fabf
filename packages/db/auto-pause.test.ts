import type { FinalStatus } from "@belfry/contract/states.ts";
import {
  makeAccount,
  makeDue,
  makeJob,
  makeWorker,
  openTestLedger,
  rowsOf,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { judgeFailures } from "./auto-pause.ts";
import type { Db } from "./client.ts";
import { claimExecutions, finishExecutions, recordLost } from "./executions.ts";
import { patchJob, pauseJob, resumeJob, runJob } from "./jobs.ts";
import { getJob } from "./read-jobs.ts";
import { markStopped } from "./workers.ts";

let ledger: TestLedger;
let db: Db;
let account: TestAccount;

beforeAll(async () => {
  ledger = await openTestLedger();
  db = ledger.db;
  account = await makeAccount(db);
});
afterAll(() => ledger.close());

const aJob = (autoPauseAfter: number, body: Record<string, unknown> = {}) =>
  makeJob(db, account, { schedule: "0 0 1 1 *", auto_pause_after: autoPauseAfter, ...body });

const read = async (jobId: string) =>
  (await getJob(db, account.accountId, jobId)) as NonNullable<Awaited<ReturnType<typeof getJob>>>;

/** Claimed manual runs, in the order of their instants. */
async function claimed(jobId: string, count: number): Promise<{ worker: string; executionIds: string[] }> {
  const worker = await makeWorker(db);
  const executionIds: string[] = [];
  for (let i = 0; i < count; i++)
    executionIds.push((await runJob(db, account.accountId, jobId))?.executionId as string);
  await claimExecutions(
    db,
    worker,
    executionIds.map((executionId) => ({ executionId, attempt: 1 })),
  );
  return { worker, executionIds };
}

const verdict = (executionId: string, status: FinalStatus, message = "HTTP 500") => ({
  executionId,
  attempt: 1,
  status,
  skipReason: status === "skipped" ? ("check_declined" as const) : null,
  error: status === "failed" ? ({ code: "HTTP_STATUS", message } as const) : null,
  check: null,
  perform: null,
});

/** Runs that end one after the other, each judged before the next. */
async function end(jobId: string, ...statuses: FinalStatus[]): Promise<void> {
  for (const status of statuses) {
    const { worker, executionIds } = await claimed(jobId, 1);
    await finishExecutions(db, worker, [verdict(executionIds[0] as string, status)]);
    await judgeFailures(db, 100);
  }
}

const unjudged = () => rowsOf(db, sql`select * from unjudged_failures`);

describe("auto_pause_after", () => {
  it("pauses a job at its Nth failure in a row, with the reason, and not before", async () => {
    const jobId = await aJob(3);
    await end(jobId, "failed", "failed");
    expect(await read(jobId)).toMatchObject({ status: "active", pausedReason: null });
    const { worker, executionIds } = await claimed(jobId, 1);
    await finishExecutions(db, worker, [verdict(executionIds[0] as string, "failed", "HTTP 503")]);
    const reason = "auto_pause_after: 3 executions in a row have failed, the last with HTTP_STATUS: HTTP 503";
    expect(await judgeFailures(db, 100)).toEqual({
      judged: 1,
      paused: [{ jobId, jobName: expect.any(String), accountId: account.accountId, reason }],
      unjudged: [],
    });
    expect(await read(jobId)).toMatchObject({ status: "paused", pausedReason: reason, nextRun: null });
    expect(await unjudged()).toEqual([]);
  });

  it("is off unless the job asks for it, and leaves nothing to be judged", async () => {
    const jobId = await aJob(0);
    const { worker, executionIds } = await claimed(jobId, 5);
    await finishExecutions(
      db,
      worker,
      executionIds.map((id) => verdict(id, "failed")),
    );
    expect(await unjudged()).toEqual([]);
    expect(await read(jobId)).toMatchObject({ status: "active" });
  });

  it("of 1 pauses at the first failure", async () => {
    const jobId = await aJob(1);
    await end(jobId, "success", "failed");
    expect(await read(jobId)).toMatchObject({
      status: "paused",
      pausedReason: "auto_pause_after: an execution has failed with HTTP_STATUS: HTTP 500",
    });
  });

  it.each(["success", "cancelled"] as const)("begins anew after one that ended as %s", async (status) => {
    const jobId = await aJob(2);
    await end(jobId, "failed", status, "failed");
    expect(await read(jobId)).toMatchObject({ status: "active" });
    await end(jobId, "failed");
    expect(await read(jobId)).toMatchObject({ status: "paused" });
  });

  it("passes over those that were skipped", async () => {
    const jobId = await aJob(2);
    await end(jobId, "failed", "skipped", "skipped", "failed");
    expect(await read(jobId)).toMatchObject({ status: "paused" });
  });

  it("counts in the order of the occurrences, whichever ended first", async () => {
    const jobId = await aJob(2);
    const { worker, executionIds } = await claimed(jobId, 3);
    const [first, second, third] = executionIds as [string, string, string];
    await finishExecutions(db, worker, [verdict(third, "failed"), verdict(first, "failed")]);
    // The second one is still running: it neither counts nor interrupts.
    expect((await judgeFailures(db, 100)).paused).toHaveLength(1);
    await finishExecutions(db, worker, [verdict(second, "success")]);
    await resumeJob(db, account.accountId, jobId);
    await end(jobId, "failed");
    expect(await read(jobId)).toMatchObject({ status: "active" });
  });

  it("does not look behind a resume, which clears the reason", async () => {
    const jobId = await aJob(2);
    await end(jobId, "failed", "failed");
    await resumeJob(db, account.accountId, jobId);
    expect(await read(jobId)).toMatchObject({ status: "active", pausedReason: null });
    await end(jobId, "failed");
    expect(await read(jobId)).toMatchObject({ status: "active" });
    await end(jobId, "failed");
    expect(await read(jobId)).toMatchObject({
      status: "paused",
      pausedReason: expect.stringContaining("2 executions"),
    });
  });

  it("holds from the next failure on where it was set later", async () => {
    const jobId = await aJob(0);
    await end(jobId, "failed", "failed");
    await patchJob(db, account.accountId, jobId, { auto_pause_after: 3 });
    await end(jobId, "failed");
    expect(await read(jobId)).toMatchObject({ status: "paused" });
  });

  it("takes back what is pending, after what was due is in the ledger", async () => {
    const jobId = await aJob(1, { schedule: "@every 1s" });
    const { worker, executionIds } = await claimed(jobId, 1);
    await runJob(db, account.accountId, jobId);
    await makeDue(db, jobId, 2);
    await finishExecutions(db, worker, [verdict(executionIds[0] as string, "failed")]);
    expect((await judgeFailures(db, 100)).paused).toHaveLength(1);
    const rows = await rowsOf<{ trigger: string; status: string; skip_reason: string | null }>(
      db,
      sql`select trigger, status, skip_reason from executions where job_id = ${jobId} and status <> 'failed'`,
    );
    expect(rows.filter(({ trigger }) => trigger === "schedule").length).toBeGreaterThanOrEqual(3);
    expect(new Set(rows.map(({ skip_reason }) => skip_reason))).toEqual(new Set(["paused"]));
    const changes = await rowsOf<{ kind: string }>(
      db,
      sql`select kind from job_changes where job_id = ${jobId} order by seq`,
    );
    expect(changes.at(-1)).toEqual({ kind: "paused" });
  });

  it("leaves a job alone of which nothing more is to come: it completes", async () => {
    const jobId = await aJob(1, { max_runs: 1 });
    await end(jobId, "failed");
    expect(await read(jobId)).toMatchObject({ status: "active", nextRun: null });
    expect(await unjudged()).toEqual([]);
  });

  it("counts what failed since its worker was lost", async () => {
    const jobId = await aJob(2, { delivery: "at_most_once" });
    await end(jobId, "failed");
    const { worker } = await claimed(jobId, 1);
    await markStopped(db, worker);
    await recordLost(db, { error: { code: "WORKER_LOST", message: "it went silent" }, limit: 100 });
    await judgeFailures(db, 100);
    expect(await read(jobId)).toMatchObject({
      status: "paused",
      pausedReason: "auto_pause_after: 2 executions in a row have failed, the last with WORKER_LOST: it went silent",
    });
  });

  it("pauses once, however many verdicts come and however many schedulers look", async () => {
    const jobId = await aJob(5);
    const { executionIds, worker } = await claimed(jobId, 20);
    const looks = Array.from({ length: 8 }, () => judgeFailures(db, 3));
    await Promise.all(executionIds.map((id) => finishExecutions(db, worker, [verdict(id, "failed")])));
    const judged = await Promise.all([...looks, ...Array.from({ length: 8 }, () => judgeFailures(db, 100))]);
    expect(judged.flatMap(({ paused }) => paused)).toHaveLength(1);
    expect(judged.flatMap((j) => j.unjudged)).toEqual([]);
    expect(await read(jobId)).toMatchObject({ status: "paused" });
    await judgeFailures(db, 100);
    expect(await unjudged()).toEqual([]);
  });

  it("is made up for where it was not possible at once: the failure stays until then", async () => {
    const jobId = await aJob(1, { schedule: "@every 1s" });
    const { worker, executionIds } = await claimed(jobId, 1);
    await finishExecutions(db, worker, [verdict(executionIds[0] as string, "failed")]);
    // So late that a call leaves the occurrences to the schedulers.
    await makeDue(db, jobId, 100_000);
    expect(await judgeFailures(db, 100)).toMatchObject({ judged: 0, paused: [], unjudged: [{ jobId }] });
    expect(await unjudged()).toHaveLength(1);
    await db.execute(sql`update jobs set next_run = now() + interval '1 hour' where id = ${jobId}`);
    expect((await judgeFailures(db, 100)).paused).toHaveLength(1);
    expect(await unjudged()).toEqual([]);
  });

  it("does not name a job that somebody paused meanwhile", async () => {
    const jobId = await aJob(1);
    const { worker, executionIds } = await claimed(jobId, 1);
    await finishExecutions(db, worker, [verdict(executionIds[0] as string, "failed")]);
    await pauseJob(db, account.accountId, jobId);
    expect(await judgeFailures(db, 100)).toEqual({ judged: 1, paused: [], unjudged: [] });
    expect(await read(jobId)).toMatchObject({ status: "paused", pausedReason: null });
  });
});
