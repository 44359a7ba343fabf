import { createJobBody } from "@belfry/contract/job.ts";
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
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "./client.ts";
import { createJob } from "./create-job.ts";
import { claimExecutions, finishExecutions, retryExecution } from "./executions.ts";
import { deleteJob, patchJob, pauseJob, resumeJob, runJob } from "./jobs.ts";
import { getJob, listJobs } from "./read-jobs.ts";

let ledger: TestLedger;
let db: Db;
let account: TestAccount;

beforeAll(async () => {
  ledger = await openTestLedger();
  db = ledger.db;
});
beforeEach(async () => {
  account = await makeAccount(db);
});
afterAll(() => ledger.close());

const body = (more: Record<string, unknown> = {}) =>
  createJobBody.parse({ name: "nightly", function_id: account.functionId, schedule: "0 3 * * *", ...more });

const read = async (jobId: string) => {
  const job = await getJob(db, account.accountId, jobId);
  if (!job) throw new Error("no such job");
  return job;
};

const executionsOf = (jobId: string) =>
  rowsOf<{ status: string; skip_reason: string | null; trigger: string; scheduled_for: string }>(
    db,
    sql`select status, skip_reason, trigger, scheduled_for from executions where job_id = ${jobId} order by scheduled_for`,
  );

describe("creating a job", () => {
  it("stores the schedule as given and as understood, and when it runs first", async () => {
    const { job: created } = await createJob(db, account.accountId, body({ timezone: "Asia/Tokyo" }), null);
    const job = await read(created.id);
    expect(created).toEqual(job);
    expect(job).toMatchObject({ schedule: "0 3 * * *", status: "active", enabled: true, runCount: 0, lastRun: null });
    expect(job.scheduleSpec).toMatchObject({ type: "cron", timezone: "Asia/Tokyo" });
    expect(job.nextRun?.toISOString()).toMatch(/T18:00:00\.000Z$/);
  });

  it("anchors an interval at its creation", async () => {
    const { job } = await createJob(db, account.accountId, body({ schedule: "@every 90m" }), null);
    const { nextRun, createdAt } = await read(job.id);
    const sinceCreation = (nextRun?.getTime() as number) - createdAt.getTime();
    expect(Math.abs(sinceCreation - 90 * 60_000)).toBeLessThan(1_000);
  });

  it.each([
    ["an unknown function", { function_id: "01a1f75d-1111-7111-8111-111111111111" }, "VALIDATION_ERROR"],
    ["a function id that is none", { function_id: "fn-789" }, "VALIDATION_ERROR"],
    ["a cron that never matches", { schedule: "0 0 30 2 *" }, "SCHEDULE_INVALID"],
    ["an instant in the past", { schedule: "2020-01-01T00:00:00Z" }, "SCHEDULE_INVALID"],
    ["an unknown zone", { timezone: "Mars/Olympus" }, "SCHEDULE_INVALID"],
  ])("refuses %s and writes nothing", async (_, wrong, code) => {
    await expect(createJob(db, account.accountId, body(wrong), null)).rejects.toMatchObject({ code });
    expect(await listJobs(db, account.accountId, {}, { limit: 10 })).toEqual([]);
  });

  it("refuses the function of another account", async () => {
    const stranger = await makeAccount(db);
    const job = body({ function_id: stranger.functionId });
    await expect(createJob(db, account.accountId, job, null)).rejects.toMatchObject({ code: "VALIDATION_ERROR" });
  });

  it("lets one of many calls at once have a name, in each project", async () => {
    const attempts = ["a", "a", "a", null, null, null].map((project) =>
      createJob(db, account.accountId, body({ project }), null),
    );
    const outcomes = await Promise.allSettled(attempts);
    expect(outcomes.filter((o) => o.status === "fulfilled")).toHaveLength(2);
    const refused = outcomes.filter((o) => o.status === "rejected").map((o) => o.reason);
    expect(refused).toHaveLength(4);
    for (const reason of refused)
      expect(reason).toMatchObject({ code: "JOB_NAME_TAKEN", message: 'job with name "nightly" already exists' });
  });

  it("gives the same job for the same Idempotency-Key, also at once", async () => {
    const calls = Array.from({ length: 10 }, () => createJob(db, account.accountId, body(), "key-1"));
    const results = await Promise.all(calls);
    expect(new Set(results.map((r) => r.job.id)).size).toBe(1);
    expect(results.filter((r) => !r.replayed)).toHaveLength(1);
    await expect(createJob(db, account.accountId, body({ name: "other" }), "key-1")).rejects.toMatchObject({
      code: "IDEMPOTENCY_KEY_REUSED",
    });
    const stranger = await makeAccount(db);
    const theirs = await createJob(db, stranger.accountId, body({ function_id: stranger.functionId }), "key-1");
    expect(theirs.replayed).toBe(false);
  });
});

describe("changing a job", () => {
  it("plans anew from now when the schedule changes, and not otherwise", async () => {
    const jobId = await makeJob(db, account, { schedule: "0 3 * * *" });
    const before = await read(jobId);
    await patchJob(db, account.accountId, jobId, { description: "d", priority: "high" });
    expect((await read(jobId)).nextRun).toEqual(before.nextRun);
    await patchJob(db, account.accountId, jobId, { schedule: "0 4 * * *" });
    expect((await read(jobId)).nextRun?.getUTCHours()).toBe(4);
    await patchJob(db, account.accountId, jobId, { timezone: "Asia/Tokyo" });
    expect((await read(jobId)).nextRun?.getUTCHours()).toBe(19);
  });

  it("keeps what was due before the change", async () => {
    const jobId = await makeJob(db, account);
    await makeDue(db, jobId, 2);
    await patchJob(db, account.accountId, jobId, { schedule: "0 4 * * *" });
    const written = await executionsOf(jobId);
    expect(written.length).toBeGreaterThanOrEqual(3);
    expect(written.every((e) => e.status === "pending")).toBe(true);
    expect(await read(jobId)).toMatchObject({ runCount: written.length });
  });

  it("refuses max_runs below what has run, and a taken name", async () => {
    const jobId = await makeJob(db, account, { name: "a" });
    await makeJob(db, account, { name: "b" });
    await runJob(db, account.accountId, jobId);
    await runJob(db, account.accountId, jobId);
    await expect(patchJob(db, account.accountId, jobId, { max_runs: 1 })).rejects.toMatchObject({
      code: "VALIDATION_ERROR",
    });
    await expect(patchJob(db, account.accountId, jobId, { name: "b" })).rejects.toMatchObject({
      code: "JOB_NAME_TAKEN",
    });
    expect(await patchJob(db, account.accountId, jobId, { max_runs: 2 })).toBe(true);
    expect((await read(jobId)).nextRun).toBeNull();
    expect(await patchJob(db, account.accountId, jobId, { max_runs: 3 })).toBe(true);
    expect((await read(jobId)).nextRun).not.toBeNull();
  });

  it("does not reach another account's job", async () => {
    const jobId = await makeJob(db, account);
    const { accountId: stranger } = await makeAccount(db);
    expect(await patchJob(db, stranger, jobId, { name: "mine" })).toBe(false);
    expect(await pauseJob(db, stranger, jobId)).toBe(false);
    expect(await resumeJob(db, stranger, jobId)).toBe(false);
    expect(await deleteJob(db, stranger, jobId)).toBe(false);
    expect(await runJob(db, stranger, jobId)).toBeNull();
    expect(await getJob(db, stranger, jobId)).toBeNull();
    expect(await read(jobId)).toMatchObject({ status: "active", enabled: true });
  });
});

describe("stopping a job", () => {
  it("writes what was due and takes it back, with the rest that waits", async () => {
    const jobId = await makeJob(db, account);
    await runJob(db, account.accountId, jobId);
    await makeDue(db, jobId, 1);
    await pauseJob(db, account.accountId, jobId);
    const written = await executionsOf(jobId);
    expect(written.filter((e) => e.trigger === "schedule").length).toBeGreaterThanOrEqual(2);
    expect(written.every((e) => e.status === "skipped" && e.skip_reason === "paused")).toBe(true);
    expect(await read(jobId)).toMatchObject({ status: "paused", nextRun: null, runCount: 0 });
  });

  it("can be undone, and goes on after now", async () => {
    const jobId = await makeJob(db, account);
    for (const [stop, start] of [
      [() => pauseJob(db, account.accountId, jobId), () => resumeJob(db, account.accountId, jobId)],
      [
        () => patchJob(db, account.accountId, jobId, { enabled: false }),
        () => patchJob(db, account.accountId, jobId, { enabled: true }),
      ],
      [() => deleteJob(db, account.accountId, jobId), () => patchJob(db, account.accountId, jobId, { enabled: true })],
    ] as const) {
      await stop();
      expect((await read(jobId)).nextRun).toBeNull();
      await expect(runJob(db, account.accountId, jobId)).rejects.toMatchObject({ code: "JOB_NOT_ACTIVE" });
      const before = Date.now();
      await start();
      const { nextRun, deletedAt } = await read(jobId);
      expect(nextRun?.getTime()).toBeGreaterThan(before - 50);
      expect(deletedAt).toBeNull();
    }
  });

  it("keeps a deleted job and its name", async () => {
    const jobId = await makeJob(db, account, { name: "kept" });
    await deleteJob(db, account.accountId, jobId);
    const { deletedAt, enabled } = await read(jobId);
    expect(enabled).toBe(false);
    expect(deletedAt).toBeInstanceOf(Date);
    await expect(makeJob(db, account, { name: "kept" })).rejects.toMatchObject({ code: "JOB_NAME_TAKEN" });
  });

  it("lets nothing start after it has returned, however claims and retries race with it", async () => {
    const worker = await makeWorker(db);
    const error = { code: "FUNCTION_ERROR", message: "no" } as const;
    for (let round = 0; round < 40; round++) {
      const jobId = await makeJob(db, account, { schedule: "0 0 1 1 *" });
      const runs = await Promise.all(Array.from({ length: 6 }, () => runJob(db, account.accountId, jobId)));
      const ids = runs.map((run) => run?.executionId as string);
      const claim = (executionId: string, attempt: number) => claimExecutions(db, worker, [{ executionId, attempt }]);
      // Some run already and are about to be retried, some wait to be claimed.
      await Promise.all(ids.slice(0, 3).map((id) => claim(id, 1)));
      const racing = [
        ...ids.slice(0, 3).map(async (executionId) => {
          await retryExecution(db, worker, {
            executionId,
            attempt: 1,
            error,
            check: null,
            perform: null,
            retryInMs: 0,
          });
          await claim(executionId, 2);
        }),
        ...ids.slice(3).map((executionId) => claim(executionId, 1)),
      ];
      await pauseJob(db, account.accountId, jobId);
      const atReturn = await rowsOf<{ id: string; attempt: number }>(
        db,
        sql`select id, attempt from executions where job_id = ${jobId} and status = 'running'`,
      );
      await Promise.all(racing);
      const later = await rowsOf<{ id: string; attempt: number }>(
        db,
        sql`select id, attempt from executions where job_id = ${jobId} and status = 'running'`,
      );
      const started = later.filter(
        (now) => !atReturn.some((then) => then.id === now.id && then.attempt === now.attempt),
      );
      expect(started).toEqual([]);
      const pending = await rowsOf(db, sql`select id from executions where job_id = ${jobId} and status = 'pending'`);
      expect(pending).toEqual([]);
    }
  });
});

describe("running a job by hand", () => {
  it("gives each run an execution of its own, also within one millisecond", async () => {
    const jobId = await makeJob(db, account, { schedule: "0 0 1 1 *" });
    await Promise.all(Array.from({ length: 20 }, () => runJob(db, account.accountId, jobId)));
    const written = await executionsOf(jobId);
    expect(written).toHaveLength(20);
    expect(new Set(written.map((e) => String(e.scheduled_for))).size).toBe(20);
    expect(await read(jobId)).toMatchObject({ runCount: 20 });
  });

  it("never exceeds max_runs, also at once", async () => {
    const jobId = await makeJob(db, account, { schedule: "0 0 1 1 *", max_runs: 3 });
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => runJob(db, account.accountId, jobId)));
    expect(outcomes.filter((o) => o.status === "fulfilled")).toHaveLength(3);
    expect(await read(jobId)).toMatchObject({ runCount: 3 });
  });

  it("shows in last_run when it started", async () => {
    const jobId = await makeJob(db, account, { schedule: "0 0 1 1 *" });
    const run = await runJob(db, account.accountId, jobId);
    expect((await read(jobId)).lastRun).toBeNull();
    const worker = await makeWorker(db);
    const executionId = run?.executionId as string;
    await claimExecutions(db, worker, [{ executionId, attempt: 1 }]);
    await finishExecutions(db, worker, [
      { executionId, attempt: 1, status: "success", skipReason: null, error: null, check: null, perform: null },
    ]);
    expect((await read(jobId)).lastRun).toBeInstanceOf(Date);
  });
});

describe("listing jobs", () => {
  it("is newest first, filtered, and goes on where the page before ended", async () => {
    const ids: string[] = [];
    for (const [i, project] of [null, "a", "a", null].entries())
      ids.unshift(await makeJob(db, account, { name: `job ${i}`, project }));
    await pauseJob(db, account.accountId, ids[0] as string);
    const list = async (
      filter: Parameters<typeof listJobs>[2],
      page = { limit: 10 } as { limit: number; before?: string },
    ) => (await listJobs(db, account.accountId, filter, page)).map((job) => job.id);
    expect(await list({})).toEqual(ids);
    expect(await list({}, { limit: 2, before: ids[1] as string })).toEqual(ids.slice(2));
    expect(await list({ project: "a" })).toEqual([ids[1], ids[2]]);
    expect(await list({ status: "paused" })).toEqual([ids[0]]);
    expect(await list({ name: "job 0" })).toEqual([ids[3]]);
    expect(await list({ enabled: false })).toEqual([]);
  });
});
