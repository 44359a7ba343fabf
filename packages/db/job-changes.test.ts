import { RULES_VERSION } from "@belfry/schedule/schedule.ts";
import {
  makeAccount,
  makeJob,
  openTestLedger,
  rowsOf,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { letTimePass } from "@belfry/testing/let-time-pass.ts";
import { sweepOnce } from "@belfry/testing/sweep.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "./client.ts";
import { completeJobs } from "./due-jobs.ts";
import { type JobChangeRow, readChanges } from "./job-changes.ts";
import { deleteJob, patchJob, pauseJob, resumeJob, runJob } from "./jobs.ts";
import { getJob } from "./read-jobs.ts";
import { inTransaction } from "./transaction.ts";

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

const changesOf = async (jobId: string): Promise<JobChangeRow[]> => (await readChanges(db, [jobId])).get(jobId) ?? [];
const kindsOf = async (jobId: string) => (await changesOf(jobId)).map(({ kind, planned }) => [kind, planned]);
const sweep = () => sweepOnce(db);

describe("the change history", () => {
  it("begins with the job, and names what begins and ends its plan", async () => {
    const jobId = await makeJob(db, account);
    const { accountId } = account;
    await patchJob(db, accountId, jobId, { schedule: "* * * * *" });
    await pauseJob(db, accountId, jobId);
    await resumeJob(db, accountId, jobId);
    await patchJob(db, accountId, jobId, { enabled: false });
    await patchJob(db, accountId, jobId, { enabled: true });
    await deleteJob(db, accountId, jobId);
    await patchJob(db, accountId, jobId, { enabled: true });
    expect(await kindsOf(jobId)).toEqual([
      ["created", true],
      ["edited", true],
      ["paused", false],
      ["resumed", true],
      ["disabled", false],
      ["revived", true],
      ["deleted", false],
      ["revived", true],
    ]);
    const job = await getJob(db, accountId, jobId);
    const last = (await changesOf(jobId)).at(-1);
    expect(last).toMatchObject({
      accountId,
      first: job?.nextRun,
      scheduleSpec: job?.scheduleSpec,
      rulesVersion: RULES_VERSION,
    });
  });

  it("has nothing of what leaves the plan as it is", async () => {
    const jobId = await makeJob(db, account);
    await patchJob(db, account.accountId, jobId, { description: "d", priority: "high", max_runs: 1_000 });
    await pauseJob(db, account.accountId, jobId);
    await pauseJob(db, account.accountId, jobId);
    expect(await kindsOf(jobId)).toEqual([
      ["created", true],
      ["paused", false],
    ]);
  });

  it("has nothing of a sweep that moves a job on", async () => {
    const jobId = await makeJob(db, account);
    await letTimePass(db, jobId, 60);
    await sweep();
    expect(await kindsOf(jobId)).toEqual([["created", true]]);
  });

  it("says up to where the ledger holds the plan that has ended", async () => {
    const jobId = await makeJob(db, account);
    await letTimePass(db, jobId, 10);
    await pauseJob(db, account.accountId, jobId);
    const [, paused] = await changesOf(jobId);
    const [last] = await rowsOf<{ ms: number }>(
      db,
      sql`select (extract(epoch from max(scheduled_until)) * 1000)::float8 as ms from executions where job_id = ${jobId}`,
    );
    const servedUpTo = paused?.servedUpTo?.getTime() as number;
    expect(servedUpTo).toBeGreaterThanOrEqual(paused?.at.getTime() as number);
    expect(servedUpTo - (last?.ms as number)).toBeLessThan(1_000);
  });

  it("ends the plan with the last run given out, by the clock or by hand, and with the job", async () => {
    const byClock = await makeJob(db, account, { max_runs: 3 });
    await letTimePass(db, byClock, 10);
    await sweep();
    const [created, exhausted] = await changesOf(byClock);
    expect(exhausted).toMatchObject({ kind: "exhausted", planned: false, first: null });
    expect((exhausted?.servedUpTo?.getTime() as number) - (created?.first?.getTime() as number)).toBe(2_000);

    const byHand = await makeJob(db, account, { max_runs: 1, schedule: "0 0 1 1 *" });
    await runJob(db, account.accountId, byHand);
    await completeJobs(db, [byHand]);
    expect(await kindsOf(byHand)).toEqual([
      ["created", true],
      ["exhausted", false],
      ["completed", false],
    ]);
  });

  it("tells of a job that could not be planned, and serves none of what was due", async () => {
    const jobId = await makeJob(db, account, { schedule: "* * * * *" });
    await db.execute(sql`
      update jobs set next_run = now() - interval '1 minute',
        schedule_spec = jsonb_set(schedule_spec::jsonb, '{timezone}', '"Atlantis/Capital"') where id = ${jobId}`);
    const due = (await getJob(db, account.accountId, jobId))?.nextRun?.getTime() as number;
    await sweep();
    const parked = (await changesOf(jobId)).at(-1);
    expect(parked).toMatchObject({ kind: "parked", planned: false, servedUpTo: new Date(due - 1) });
  });

  it("is undone with the change", async () => {
    const jobId = await makeJob(db, account);
    const undone = inTransaction(db, async (tx) => {
      await pauseJob(tx, account.accountId, jobId);
      throw new Error("killed before the commit");
    });
    await expect(undone).rejects.toThrow("killed");
    expect(await kindsOf(jobId)).toEqual([["created", true]]);
  });
});
