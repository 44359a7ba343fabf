import type { TestAccount, TestLedger } from "@belfry/testing/factories.ts";
import { makeAccount, makeJob, makeWorker, openTestLedger, rowsOf } from "@belfry/testing/factories.ts";
import { letTimePass } from "@belfry/testing/let-time-pass.ts";
import { sweepOnce } from "@belfry/testing/sweep.ts";
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reportAudit } from "./audit-report.ts";
import { type Db, databaseNow } from "./client.ts";
import { claimExecutions, finishExecutions, retryExecution, type Verdict } from "./executions.ts";
import { deleteJob, patchJob, pauseJob, resumeJob, runJob } from "./jobs.ts";
import { takeForPublish } from "./outbox.ts";
import { makePartitions, readPartitions } from "./partitions.ts";
import { dropExpired, readFloor } from "./retention.ts";

const DAY_MS = 86_400_000;
const RETENTION_DAYS = 10;

let ledger: TestLedger;
let db: Db;
let account: TestAccount;

// What has expired is dropped for all jobs, so each test has a database of its own.
beforeEach(async () => {
  ledger = await openTestLedger();
  db = ledger.db;
  account = await makeAccount(db);
});
afterEach(() => ledger.close());

/** Housekeeping, `days` from now. */
async function keepHouse(days: number) {
  const now = (await databaseNow(db)) + days * DAY_MS;
  await makePartitions(db, { now, retentionDays: RETENTION_DAYS });
  return dropExpired(db, { now, retentionDays: RETENTION_DAYS });
}

/** As if what is there had been written `days` ago, in the partitions that there were then. */
async function age(jobId: string, days: number): Promise<void> {
  const now = (await databaseNow(db)) - days * DAY_MS;
  await makePartitions(db, { now, retentionDays: RETENTION_DAYS });
  await letTimePass(db, jobId, days * 86_400);
}

const sweep = () => sweepOnce(db);

const verdict = (executionId: string, attempt: number, status: Verdict["status"]): Verdict => ({
  executionId,
  attempt,
  status,
  skipReason: status === "skipped" ? "check_declined" : null,
  error: null,
  check: null,
  perform: null,
});

/** Ends everything that is pending, with these outcomes in turn, the first after a second attempt. */
async function work(outcomes: Verdict["status"][]): Promise<void> {
  const worker = await makeWorker(db);
  await db.execute(sql`update executions set publish_at = now() - interval '1 second' where status = 'pending'`);
  const dispatches = await takeForPublish(db, 100);
  const wanted = dispatches.map(({ executionId, attempt }) => ({ executionId, attempt })).sort(byId);
  const claimed = wanted.length === 0 ? [] : (await claimExecutions(db, worker, wanted)).toSorted(byId);
  const error = { code: "HTTP_STATUS", message: "503" } as const;
  const [first] = claimed;
  if (first) {
    const { executionId, attempt } = first;
    await retryExecution(db, worker, { executionId, attempt, error, check: null, perform: null, retryInMs: 0 });
    await claimExecutions(db, worker, [{ executionId, attempt: attempt + 1 }]);
    first.attempt += 1;
  }
  const verdicts = claimed.map(({ executionId, attempt }, i) =>
    verdict(executionId, attempt, outcomes[i % outcomes.length] as Verdict["status"]),
  );
  if (verdicts.length === 0) return;
  const written = await finishExecutions(db, worker, verdicts);
  expect(written.size).toBe(verdicts.length);
}
const byId = (a: { executionId: string }, b: { executionId: string }) => (a.executionId < b.executionId ? -1 : 1);

const count = async (table: string) =>
  (await rowsOf<{ n: number }>(db, sql`select count(*)::int as n from ${sql.identifier(table)}`))[0]?.n;

/** A job that was due six times and was run by hand once, all of it ended. It is paused. */
async function aJobWithHistory(): Promise<string> {
  const jobId = await makeJob(db, account, { schedule: "@every 1h", misfire: { policy: "run_all" } });
  await letTimePass(db, jobId, 6 * 3_600);
  await sweep();
  await runJob(db, account.accountId, jobId);
  await work(["success", "failed", "skipped"]);
  await pauseJob(db, account.accountId, jobId);
  return jobId;
}

describe("retention", () => {
  it("keeps what has not expired", async () => {
    await aJobWithHistory();
    const before = await count("executions");
    expect(await keepHouse(RETENTION_DAYS - 1)).toMatchObject({ dropped: [], kept: [], deleted: 0 });
    expect(await count("executions")).toBe(before);
    expect(await readFloor(db)).toBeNull();
  });

  it("drops whole partitions, and keeps their totals: run_count and the accounting can still be checked", async () => {
    const jobId = await aJobWithHistory();
    const [job] = await rowsOf<{ run_count: number }>(db, sql`select run_count from jobs where id = ${jobId}`);
    await age(jobId, 30);
    expect(await count("attempts")).toBe(1);

    const { dropped } = await keepHouse(0);
    expect(dropped.length).toBeGreaterThanOrEqual(1);
    expect(await count("executions")).toBe(0);
    expect(await count("attempts")).toBe(0);
    const names = (await readPartitions(db, "attempts")).map(({ name }) => name);
    expect(names).toEqual(
      (await readPartitions(db, "executions")).map(({ name }) => name.replace("executions", "attempts")),
    );
    const [totals] = await rowsOf(db, sql`select * from archived_totals`);
    // The order of outcomes was success, failed, skipped, …: seven executions, of which the manual one is no occurrence.
    expect(totals).toEqual({ job_id: jobId, runs: "5", success: "2", failed: "2", cancelled: "0", skipped: "2" });
    expect(job?.run_count).toBe(5);

    const report = await reportAudit(db);
    expect(report.findings).toEqual([]);
    expect(Date.parse(report.kept_from as string)).toBeLessThan(await databaseNow(db));
    await db.execute(sql`update jobs set run_count = run_count - 1 where id = ${jobId}`);
    expect((await reportAudit(db)).findings.map(({ kind }) => kind)).toEqual(["run_count"]);
  });

  it("lets the job go on", async () => {
    const jobId = await aJobWithHistory();
    await age(jobId, 30);
    await keepHouse(0);
    await resumeJob(db, account.accountId, jobId);
    await letTimePass(db, jobId, 3_600);
    await sweep();
    await work(["success"]);
    expect(await reportAudit(db)).toMatchObject({ findings: [], terms: { due: 1, success: 1 } });
  });

  it("leaves a partition in which something is open, and says so", async () => {
    const jobId = await makeJob(db, account);
    await runJob(db, account.accountId, jobId);
    await patchJob(db, account.accountId, jobId, { schedule: "@every 100d" });
    await age(jobId, 30);
    const { dropped, kept } = await keepHouse(0);
    expect(dropped).not.toContain(kept[0]?.name);
    expect(kept).toEqual([
      { name: expect.stringMatching(/^executions_\d{8}$/), why: "something in it is still pending or running" },
    ]);
    await work(["success"]);
    expect((await keepHouse(0)).dropped).toEqual([kept[0]?.name]);
    expect((await reportAudit(db)).findings).toEqual([]);
  });

  it("leaves a partition with a range that reaches into what is kept", async () => {
    const jobId = await makeJob(db, account, { schedule: "@every 1h", misfire: { policy: "skip" } });
    await age(jobId, 30);
    await sweep();
    const { kept } = await keepHouse(0);
    expect(kept.map(({ why }) => why)).toContain("a range of misfires in it reaches into what is kept");
    expect((await reportAudit(db)).findings).toEqual([]);
    await deleteJob(db, account.accountId, jobId);
    expect((await keepHouse(45)).kept).toEqual([]);
    expect(await count("executions")).toBe(0);
  });

  it("deletes what was written into no partition", async () => {
    const jobId = await aJobWithHistory();
    await letTimePass(db, jobId, 30 * 86_400);
    expect(await keepHouse(0)).toMatchObject({ dropped: [], deleted: 7 });
    expect(await count("executions")).toBe(0);
    expect(await count("attempts")).toBe(0);
    expect((await reportAudit(db)).findings).toEqual([]);
  });

  it("goes on where it was stopped, and what was on its way makes no false alarm", async () => {
    const jobId = await aJobWithHistory();
    await age(jobId, 30);
    await db.execute(sql`alter table archived_totals rename to away`);
    await expect(keepHouse(0)).rejects.toThrow();
    await db.execute(sql`alter table away rename to archived_totals`);
    const [detached] = (await readFloor(db))?.detached ?? [];
    expect(detached).toMatch(/^executions_/);
    expect((await reportAudit(db)).findings).toEqual([]);
    expect((await keepHouse(0)).dropped).toContain(detached);
    expect((await readFloor(db))?.detached).toEqual([]);
    expect((await reportAudit(db)).findings).toEqual([]);
    expect(await count("archived_totals")).toBe(1);
  });

  it("keeps of each job's changes those that what is kept follows from", async () => {
    const jobId = await makeJob(db, account, { schedule: "@every 1d" });
    await patchJob(db, account.accountId, jobId, { schedule: "@every 2d" });
    await patchJob(db, account.accountId, jobId, { schedule: "@every 3d" });
    await age(jobId, 40);
    await patchJob(db, account.accountId, jobId, { schedule: "@every 4d" });
    await sweep();
    await keepHouse(0);
    const kinds = await rowsOf(
      db,
      sql`select schedule_spec->>'everyMs' as every from job_changes where job_id = ${jobId} order by seq`,
    );
    expect(kinds).toEqual([{ every: String(3 * DAY_MS) }, { every: String(4 * DAY_MS) }]);
    expect((await reportAudit(db)).findings).toEqual([]);
  });

  it("stands in nobody's way, and nobody in its", async () => {
    const now = await databaseNow(db);
    for (let days = 40; days > 20; days -= 4)
      await makePartitions(db, { now: now - days * DAY_MS, retentionDays: RETENTION_DAYS });
    const jobs = await Promise.all([1, 2, 3].map(() => makeJob(db, account, { schedule: "0 0 1 1 *" })));
    let keeping = true;
    const running = jobs.map(async (jobId) => {
      let runs = 0;
      const worker = await makeWorker(db);
      for (; keeping; runs++) {
        const { executionId } = (await runJob(db, account.accountId, jobId)) as { executionId: string };
        await takeForPublish(db, 10);
        await claimExecutions(db, worker, [{ executionId, attempt: 1 }]);
        expect(await finishExecutions(db, worker, [verdict(executionId, 1, "success")])).toEqual(
          new Set([executionId]),
        );
      }
      return runs;
    });
    const dropped: string[] = [];
    for (let days = -30; days <= 0; days += 2) dropped.push(...(await keepHouse(days)).dropped);
    keeping = false;
    const runs = await Promise.all(running);
    expect(dropped.length).toBeGreaterThan(15);
    expect(Math.min(...runs)).toBeGreaterThan(0);
    expect((await reportAudit(db)).findings).toEqual([]);
  });

  it("does nothing where the ledger is kept for ever", async () => {
    const jobId = await aJobWithHistory();
    await age(jobId, 4_000);
    const expiry = await dropExpired(db, { now: await databaseNow(db), retentionDays: 0 });
    expect(expiry).toEqual({ keptFrom: null, dropped: [], kept: [], deleted: 0 });
    expect(await count("executions")).toBe(7);
  });
});
