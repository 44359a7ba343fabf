import {
  makeAccount,
  makeJob,
  makeWorker,
  openTestLedger,
  rowsOf,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { idAt } from "@belfry/testing/id-at.ts";
import { letTimePass } from "@belfry/testing/let-time-pass.ts";
import { sweepOnce } from "@belfry/testing/sweep.ts";
import { type SQL, sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { reportAudit } from "./audit-report.ts";
import { claimGated } from "./claim-gated.ts";
import type { Db } from "./client.ts";
import { claimExecutions, finishExecutions } from "./executions.ts";
import { patchFunction } from "./functions.ts";
import { patchJob, pauseJob, resumeJob, runJob } from "./jobs.ts";

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

const sweep = () => sweepOnce(db);

/** A job of every second that has run for some minutes, with a range of misfires among its occurrences. */
async function aJobWithPast(body: Record<string, unknown> = {}): Promise<string> {
  const jobId = await makeJob(db, account, body);
  await letTimePass(db, jobId, 300);
  await sweep();
  return jobId;
}

const audit = (options: { now?: number; since?: number } = {}) =>
  reportAudit(db, { accountId: account.accountId, ...options });
const kindsFound = async () => (await audit()).findings.map(({ kind }) => kind).sort();
const execute = (query: SQL) => db.execute(query);

/** The `n`th execution of the schedule, from the first; negative from the last. */
async function nth(jobId: string, n: number): Promise<string> {
  const rows = await rowsOf<{ id: string }>(
    db,
    sql`select id from executions where job_id = ${jobId} and trigger = 'schedule' order by scheduled_for`,
  );
  return rows.at(n)?.id as string;
}

const claim = async (executionId: string): Promise<string> => {
  const worker = await makeWorker(db);
  expect(await claimExecutions(db, worker, [{ executionId, attempt: 1 }])).toHaveLength(1);
  return worker;
};

describe("a ledger in order", () => {
  it("has terms that add up, ranges counted, manual runs left out", async () => {
    const jobId = await aJobWithPast();
    await runJob(db, account.accountId, jobId);
    const executionId = await nth(jobId, -1);
    const worker = await claim(executionId);
    const done = { status: "success", skipReason: null, error: null, check: null, perform: null } as const;
    await finishExecutions(db, worker, [{ executionId, attempt: 1, ...done }]);
    const { ok, jobs, terms, findings } = await audit();
    expect({ ok, jobs, findings }).toEqual({ ok: true, jobs: 1, findings: [] });
    expect(terms).toMatchObject({ success: 1, failed: 0, cancelled: 0, running: 0 });
    expect(terms.due).toBeGreaterThanOrEqual(300);
    expect(terms.due).toBe(terms.success + terms.skipped + terms.pending);
  });

  it("is one whatever plans came one after the other", async () => {
    const jobId = await aJobWithPast();
    await patchJob(db, account.accountId, jobId, { schedule: "*/2 * * * * *" });
    await letTimePass(db, jobId, 60);
    await pauseJob(db, account.accountId, jobId);
    await letTimePass(db, jobId, 60);
    await resumeJob(db, account.accountId, jobId);
    await letTimePass(db, jobId, 60);
    await patchJob(db, account.accountId, jobId, { max_runs: 2_000, schedule: "@every 10s" });
    await sweep();
    expect(await audit()).toMatchObject({ ok: true, findings: [] });
  });

  it("may have lost its oldest part, if one says so", async () => {
    const jobId = await aJobWithPast();
    const [kept] = await rowsOf<{ ms: number }>(
      db,
      sql`select (extract(epoch from scheduled_for) * 1000)::float8 as ms from executions where id = ${await nth(jobId, 20)}`,
    );
    const since = kept?.ms as number;
    await execute(
      sql`delete from executions where job_id = ${jobId} and scheduled_for < to_timestamp(${since} / 1000.0)`,
    );
    expect(await kindsFound()).toEqual(["equation", "hole"]);
    expect((await audit({ since })).findings).toEqual([]);
    expect((await audit({ since: since + 30 * 1_000 })).findings).toEqual([]);
  });

  it("may hold what was planned by rules that are no more", async () => {
    const jobId = await aJobWithPast();
    await execute(sql`update job_changes set rules_version = 0 where job_id = ${jobId}`);
    expect((await audit()).findings).toEqual([]);
  });
});

describe("what is wrong is found and named:", () => {
  it("an occurrence without an execution", async () => {
    const jobId = await aJobWithPast();
    await execute(sql`delete from executions where id in (${await nth(jobId, 3)}, ${await nth(jobId, 4)})`);
    const { ok, findings } = await audit();
    expect(ok).toBe(false);
    expect(findings[0]).toMatchObject({
      kind: "hole",
      job_id: jobId,
      account_id: account.accountId,
      execution_id: null,
      message: "2 were planned and have no execution",
    });
    const { scheduled_for, scheduled_until } = findings[0] ?? {};
    expect(Date.parse(scheduled_until as string) - Date.parse(scheduled_for as string)).toBe(1_000);
  });

  it("the last one as well", async () => {
    const jobId = await aJobWithPast();
    await execute(sql`delete from executions where id = ${await nth(jobId, -1)}`);
    expect(await kindsFound()).toEqual(["equation", "hole", "run_count"]);
  });

  it("an execution that was not planned", async () => {
    const jobId = await aJobWithPast();
    await execute(sql`
      insert into executions (id, account_id, job_id, function_id, trigger, scheduled_for, scheduled_until, status, skip_reason, completed_at)
      select ${idAt(sql`at`)}, account_id, job_id, function_id, trigger, at, at, 'skipped', 'misfire', now()
      from executions, lateral (select scheduled_for + interval '500 milliseconds' as at) where id = ${await nth(jobId, 5)}`);
    const { findings } = await audit();
    expect(findings.map(({ kind }) => kind)).toEqual(["unplanned", "equation"]);
    expect(findings[0]?.execution_id).not.toBeNull();
  });

  it("an execution of an instant that a range stands for", async () => {
    const jobId = await aJobWithPast();
    await execute(sql`
      insert into executions (id, account_id, job_id, function_id, trigger, scheduled_for, scheduled_until, status, skip_reason, completed_at)
      select ${idAt(sql`at`)}, account_id, job_id, function_id, trigger, at, at, 'skipped', 'misfire', now()
      from executions, lateral (select scheduled_for + interval '1 second' as at) where job_id = ${jobId} and occurrences > 1`);
    expect(await kindsFound()).toEqual(["duplicate", "equation"]);
  });

  it("a plan that begins later than its first instant", async () => {
    const jobId = await makeJob(db, account, { schedule: "@every 1h" });
    await execute(sql`update job_changes set first = first + interval '1 hour' where job_id = ${jobId}`);
    await execute(sql`update jobs set next_run = next_run + interval '1 hour' where id = ${jobId}`);
    const { findings } = await audit();
    expect(findings.map(({ kind, message }) => [kind, message])).toEqual([
      ["plan", expect.stringMatching(/^its plan of \S+ begins at \S+, which is not its first instant$/)],
    ]);
  });

  it("a range that says more than it stands for", async () => {
    const jobId = await aJobWithPast();
    await execute(sql`update executions set occurrences = occurrences + 1 where job_id = ${jobId} and occurrences > 1`);
    expect(await kindsFound()).toEqual(["equation", "unplanned"]);
  });

  it("a count of runs that is off", async () => {
    const jobId = await aJobWithPast();
    await execute(sql`update jobs set run_count = run_count + 1 where id = ${jobId}`);
    const { findings } = await audit();
    expect(findings).toMatchObject([{ kind: "run_count", message: expect.stringMatching(/^run_count is \d+/) }]);
  });

  it("more runs than there may be", async () => {
    const jobId = await aJobWithPast({ max_runs: 1_000 });
    await execute(sql`update jobs set max_runs = 2, run_count = 2 where id = ${jobId}`);
    expect(await kindsFound()).toEqual(["max_runs", "run_count"]);
  });

  it("an execution that waits for ten minutes and is not published", async () => {
    const jobId = await aJobWithPast();
    const old = sql`now() - interval '11 minutes'`;
    await execute(
      sql`update executions set available_at = ${old}, publish_at = ${old} where id = ${await nth(jobId, -1)}`,
    );
    const { findings } = await audit();
    expect(findings).toMatchObject([{ kind: "stuck", execution_id: await nth(jobId, -1) }]);
    expect(findings[0]?.message).toContain("was not published since");
  });

  it("an execution that waits for its turn for ever", async () => {
    const jobId = await makeJob(db, account, { overlap: { policy: "queue" }, schedule: "0 0 1 1 *" });
    const first = await runJob(db, account.accountId, jobId);
    await runJob(db, account.accountId, jobId);
    await execute(sql`update executions set created_at = now() - interval '11 minutes' where job_id = ${jobId}`);
    expect(await kindsFound()).toEqual([]);
    await execute(sql`update executions set status = 'success', completed_at = now() where id = ${first?.executionId}`);
    expect(await kindsFound()).toEqual(["stuck"]);
  });

  it("an execution that waits for a limit which is no more, and none that waits for one that there is", async () => {
    await patchFunction(db, account.accountId, account.functionId, { max_concurrency: 1 });
    const jobId = await makeJob(db, account, { schedule: "0 0 1 1 *" });
    const worker = await makeWorker(db);
    const executionIds: string[] = [];
    for (let i = 0; i < 2; i++) {
      const executionId = (await runJob(db, account.accountId, jobId))?.executionId as string;
      await claimGated(db, worker, [{ executionId, attempt: 1 }]);
      executionIds.push(executionId);
    }
    await execute(sql`update executions set available_at = now() - interval '11 minutes' where job_id = ${jobId}`);
    expect(await kindsFound()).toEqual([]);
    await execute(sql`delete from gates where id = ${account.functionId}`);
    expect((await audit()).findings).toMatchObject([
      { kind: "stuck", execution_id: executionIds[1], message: "waits for a limit that is no more" },
    ]);
  });

  it("a pending execution of a job that is paused", async () => {
    const jobId = await aJobWithPast();
    const executionId = await nth(jobId, -1);
    await pauseJob(db, account.accountId, jobId);
    await execute(
      sql`update executions set status = 'pending', skip_reason = null, completed_at = null where id = ${executionId}`,
    );
    await execute(sql`update jobs set run_count = run_count + 1 where id = ${jobId}`);
    expect((await audit()).findings).toMatchObject([
      { kind: "stuck", execution_id: executionId, message: "is pending, though its job is not active" },
    ]);
  });

  it.each([
    ["a day", sql`update executions set started_at = now() - interval '25 hours' where status = 'running'`],
    ["a worker that has stopped", sql`update workers set stopped_at = now() - interval '2 minutes'`],
    [
      "a worker that nobody knows",
      sql`update executions set worker = 'nobody', started_at = now() - interval '2 minutes' where status = 'running'`,
    ],
  ])("an execution that runs on %s", async (_, fault) => {
    const jobId = await aJobWithPast();
    const executionId = await nth(jobId, -1);
    await claim(executionId);
    expect(await kindsFound()).toEqual([]);
    await execute(fault);
    expect((await audit()).findings).toMatchObject([{ kind: "stuck", execution_id: executionId }]);
    await execute(sql`update executions set status = 'success', completed_at = now() where status = 'running'`);
  });

  it("a job to which no scheduler comes", async () => {
    const jobId = await aJobWithPast();
    expect((await audit({ now: Date.now() + 590_000 })).findings).toEqual([]);
    const { findings } = await audit({ now: Date.now() + 660_000 });
    expect(findings.filter(({ kind }) => kind === "overdue")).toMatchObject([{ job_id: jobId }]);
  });

  it("a job that looks active and will never run again", async () => {
    const jobId = await aJobWithPast();
    await execute(sql`update jobs set next_run = null where id = ${jobId}`);
    const { findings } = await audit();
    expect(findings[0]).toMatchObject({ kind: "plan", message: "it has a plan, but no next run" });
  });

  it("a job that has had its runs and is not completed", async () => {
    const jobId = await aJobWithPast({ max_runs: 1 });
    await execute(
      sql`update executions set status = 'success', completed_at = now() where job_id = ${jobId} and status = 'pending'`,
    );
    expect(await kindsFound()).toEqual([]);
    expect((await audit({ now: Date.now() + 660_000 })).findings).toMatchObject([{ kind: "overdue" }]);
  });

  it("a next run that has passed over some, and one that is none of the schedule", async () => {
    const jobId = await aJobWithPast();
    await execute(sql`update jobs set next_run = next_run + interval '3 seconds' where id = ${jobId}`);
    expect(await kindsFound()).toEqual(["equation", "hole"]);
    await execute(sql`update jobs set next_run = next_run - interval '2999 milliseconds' where id = ${jobId}`);
    expect(await kindsFound()).toEqual(["equation", "hole", "plan"]);
  });

  it("an edit that passed over what was due", async () => {
    const jobId = await aJobWithPast();
    await letTimePass(db, jobId, 5);
    await execute(sql`update jobs set next_run = next_run + interval '7 seconds' where id = ${jobId}`);
    await patchJob(db, account.accountId, jobId, { schedule: "0 0 1 1 *" });
    expect((await audit()).findings[0]).toMatchObject({
      kind: "hole",
      message: expect.stringMatching(/^\d+ were planned and have no execution$/),
    });
  });
});

it("lists the first findings of a job and counts the rest", async () => {
  const jobId = await makeJob(db, account, { misfire: { grace_ms: 86_400_000 } });
  await letTimePass(db, jobId, 600);
  await sweep();
  await execute(sql`
    delete from executions where job_id = ${jobId} and (extract(epoch from scheduled_for - (select min(scheduled_for)
      from executions where job_id = ${jobId})))::int % 2 = 1`);
  const { findings, omitted } = await audit();
  expect(findings).toHaveLength(100);
  expect(omitted).toBeGreaterThan(190);
});
