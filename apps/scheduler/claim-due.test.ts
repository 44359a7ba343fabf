import type { Db } from "@belfry/db/client.ts";
import { msUntilNextDue } from "@belfry/db/due-jobs.ts";
import { deleteJob, patchJob, pauseJob, runJob } from "@belfry/db/jobs.ts";
import { getJob } from "@belfry/db/read-jobs.ts";
import { inTransaction } from "@belfry/db/transaction.ts";
import { RULES_VERSION } from "@belfry/schedule/schedule.ts";
import { startDelay } from "@belfry/schedule/spread.ts";
import {
  makeAccount,
  makeDue,
  makeJob,
  openTestLedger,
  rowsOf,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { letTimePass } from "@belfry/testing/let-time-pass.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { claimDue } from "./claim-due.ts";
import { claimDueOfOthers } from "./claim-due-of-others.ts";

let ledger: TestLedger;
let db: Db;
let account: TestAccount;

// A sweep takes whatever is due, so each test has a database of its own.
beforeEach(async () => {
  await ledger?.close();
  ledger = await openTestLedger();
  db = ledger.db;
  account = await makeAccount(db);
});
afterAll(() => ledger.close());

type Row = { status: string; skip_reason: string | null; ms: number; until_ms: number; n: number };
const executionsOf = (jobId: string) =>
  rowsOf<Row>(
    db,
    sql`select status, skip_reason, (extract(epoch from scheduled_for) * 1000)::float8 as ms,
          (extract(epoch from scheduled_until) * 1000)::float8 as until_ms, occurrences as n
        from executions where job_id = ${jobId} order by scheduled_for`,
  );
const read = async (jobId: string) =>
  (await getJob(db, account.accountId, jobId)) as NonNullable<Awaited<ReturnType<typeof getJob>>>;

/** Every second from the first to the last, each once, ranges included. */
const expectNoHole = (rows: Row[]) => {
  let expected = rows[0]?.ms as number;
  for (const row of rows) {
    expect(row.ms).toBe(expected);
    expected = row.until_ms + 1_000;
  }
};

describe("a sweep", () => {
  it("leaves what was stored under newer rules to a newer scheduler, and so do its API's changes", async () => {
    const jobId = await makeJob(db, account);
    await makeDue(db, jobId);
    await db.execute(sql`update jobs set rules_version = ${RULES_VERSION + 1} where id = ${jobId}`);
    expect(await claimDue(db, 100)).toEqual({ jobs: 0, dispatches: [] });
    expect(await msUntilNextDue(db)).toBeNull();
    await expect(pauseJob(db, account.accountId, jobId)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await db.execute(sql`update jobs set rules_version = 1 where id = ${jobId}`);
    expect((await claimDue(db, 100)).jobs).toBe(1);
  });

  it("leaves an occurrence that starts later by its jitter to be published then", async () => {
    const schedule = { type: "interval", value: "1h", jitter: "30m" };
    const [jobId, other] = [await makeJob(db, account, { schedule }), await makeJob(db, account, { schedule })];
    for (const id of [jobId, other]) await letTimePass(db, id, 3_600);
    expect((await claimDue(db, 100)).dispatches).toEqual([]);
    const ms = (column: string) => sql`(extract(epoch from ${sql.identifier(column)}) * 1000)::float8`;
    const rows = await rowsOf<{ job_id: string; due: number; starts: number; publish: number }>(
      db,
      sql`select job_id, ${ms("scheduled_for")} as due, ${ms("available_at")} as starts, ${ms("publish_at")} as publish
          from executions`,
    );
    for (const { job_id, due, starts, publish } of rows) {
      const spec = (await read(job_id)).scheduleSpec;
      expect(starts - due).toBe(startDelay(spec, job_id, due));
      expect(publish).toBe(starts);
    }
    expect(new Set(rows.map(({ due, starts }) => starts - due)).size).toBe(2);
  });

  it("writes a due job's occurrence, moves the job on and says what to publish", async () => {
    const jobId = await makeJob(db, account, { pool: "gpu", priority: "high" });
    await makeDue(db, jobId);
    const due = (await read(jobId)).nextRun?.getTime() as number;
    const { jobs, dispatches } = await claimDue(db, 100);
    expect(jobs).toBe(1);
    const written = await executionsOf(jobId);
    expect(written).toMatchObject([{ status: "pending", skip_reason: null, ms: due }]);
    expect(dispatches).toMatchObject([{ attempt: 1, dispatch: 1, pool: "gpu", priority: "high" }]);
    expect(await read(jobId)).toMatchObject({ runCount: 1, status: "active" });
    expect((await read(jobId)).nextRun?.getTime()).toBe(due + 1_000);
  });

  it("of others looks over all that is due, or only at what has just come due", async () => {
    const crowd = await makeAccount(db);
    const [lately, long, ofCrowd] = [
      await makeJob(db, account, { schedule: "1h" }),
      await makeJob(db, account, { schedule: "1h" }),
      await makeJob(db, crowd, { schedule: "1h" }),
    ];
    const dueFor = (jobId: string, ms: number) =>
      db.execute(sql`
        update jobs set next_run = date_trunc('milliseconds', now()) - make_interval(secs => ${ms} / 1000.0) where id = ${jobId}`);
    await Promise.all([dueFor(lately, 5_000), dueFor(ofCrowd, 5_000), dueFor(long, 50_000)]);
    expect((await claimDueOfOthers(db, 100, [crowd.accountId], 1_000)).jobs).toBe(0);
    expect((await claimDueOfOthers(db, 100, [crowd.accountId], 20_000)).jobs).toBe(1);
    expect([await executionsOf(lately), await executionsOf(long)].map((rows) => rows.length)).toEqual([1, 0]);
    expect((await claimDueOfOthers(db, 100, [crowd.accountId], null)).jobs).toBe(1);
    expect((await claimDue(db, 100)).jobs).toBe(1);
  });

  it("leaves alone what is not due, paused or disabled", async () => {
    await makeJob(db, account, { schedule: "0 0 1 1 *" });
    const [paused, disabled] = [await makeJob(db, account), await makeJob(db, account, { enabled: false })];
    await pauseJob(db, account.accountId, paused);
    expect(await claimDue(db, 100)).toEqual({ jobs: 0, dispatches: [] });
    expect([...(await executionsOf(paused)), ...(await executionsOf(disabled))]).toEqual([]);
  });

  it("gives each occurrence one row, however many schedulers sweep at once", async () => {
    const jobIds = await Promise.all(Array.from({ length: 60 }, () => makeJob(db, account)));
    for (const jobId of jobIds) await makeDue(db, jobId, 3);
    const sweeps = await Promise.all(Array.from({ length: 8 }, () => claimDue(db, 20)));
    expect(sweeps.reduce((sum, sweep) => sum + sweep.jobs, 0)).toBe(60);
    for (const jobId of jobIds) {
      const written = await executionsOf(jobId);
      expect(written.length).toBeGreaterThanOrEqual(4);
      expectNoHole(written);
      expect(await read(jobId)).toMatchObject({ runCount: written.length });
    }
  });

  it("is undone as a whole when it does not commit", async () => {
    const jobId = await makeJob(db, account);
    await makeDue(db, jobId, 2);
    const before = await read(jobId);
    const killed = inTransaction(db, async (tx) => {
      expect((await claimDue(tx, 100)).dispatches.length).toBeGreaterThanOrEqual(3);
      throw new Error("killed before the commit");
    });
    await expect(killed).rejects.toThrow("killed");
    expect(await executionsOf(jobId)).toEqual([]);
    expect(await read(jobId)).toEqual(before);
    expect((await claimDue(db, 100)).dispatches.length).toBeGreaterThanOrEqual(3);
  });
});

describe("occurrences that are late", () => {
  it("all run within the grace, as after a short outage", async () => {
    const jobId = await makeJob(db, account);
    await makeDue(db, jobId, 30);
    await claimDue(db, 100);
    const written = await executionsOf(jobId);
    expect(written.length).toBeGreaterThanOrEqual(31);
    expectNoHole(written);
    expect(written.every((row) => row.status === "pending")).toBe(true);
  });

  it("are recorded as misfired beyond it, and none is left out", async () => {
    const jobId = await makeJob(db, account);
    await makeDue(db, jobId, 300);
    await claimDue(db, 100);
    const written = await executionsOf(jobId);
    const misfired = written.filter((row) => row.status === "skipped");
    expect(misfired.every((row) => row.skip_reason === "misfire")).toBe(true);
    expect(misfired).toHaveLength(61);
    const range = misfired.at(-1) as Row;
    expect(range.n).toBeGreaterThanOrEqual(179);
    expect(range.until_ms).toBe(range.ms + (range.n - 1) * 1_000);
    expectNoHole(written);
    expect(written.slice(misfired.length).every((row) => row.status === "pending")).toBe(true);
    expect(await read(jobId)).toMatchObject({ runCount: written.length - misfired.length });
  });

  it("run once for the latest when all are beyond it", async () => {
    const jobId = await makeJob(db, account, { schedule: "@every 5m" });
    await db.execute(sql`
      update jobs set next_run = next_run - interval '22 minutes',
        schedule_spec = jsonb_set(schedule_spec::jsonb, '{anchor}', to_jsonb((schedule_spec->>'anchor')::float8 - 22 * 60000))`);
    await claimDue(db, 100);
    const written = await executionsOf(jobId);
    expect(written.map((row) => row.skip_reason)).toEqual(["misfire", "misfire", "misfire", null]);
  });

  it("are written over several sweeps when they are very many", async () => {
    const jobId = await makeJob(db, account);
    await makeDue(db, jobId, 30_000);
    expect((await claimDue(db, 100)).jobs).toBe(1);
    expect((await executionsOf(jobId)).reduce((sum, row) => sum + row.n, 0)).toBe(20_000);
    await claimDue(db, 100);
    const written = await executionsOf(jobId);
    expect(written.reduce((sum, row) => sum + row.n, 0)).toBeGreaterThanOrEqual(30_001);
    expectNoHole(written);
  });

  it("of one job leave the others their turn in the same sweep", async () => {
    const jobIds = await Promise.all(Array.from({ length: 200 }, () => makeJob(db, account)));
    await Promise.all(jobIds.map((jobId) => makeDue(db, jobId, 3_600)));
    const fresh = await makeJob(db, account);
    await makeDue(db, fresh);
    let sweeps = 0;
    while ((await executionsOf(fresh)).length === 0) {
      await claimDue(db, 1_000);
      sweeps++;
    }
    expect(sweeps).toBeLessThanOrEqual(4);
  });
});

describe("a job that cannot be planned", () => {
  it("is paused with the reason, and does not hold up the others", async () => {
    const [broken, sound] = [
      await makeJob(db, account, { schedule: "* * * * *", timezone: "Asia/Tokyo" }),
      await makeJob(db, account),
    ];
    await db.execute(sql`
      update jobs set next_run = now() - interval '1 minute',
        schedule_spec = jsonb_set(schedule_spec::jsonb, '{timezone}', '"Atlantis/Capital"') where id = ${broken}`);
    await makeDue(db, sound);
    expect((await claimDue(db, 100)).jobs).toBe(2);
    expect((await executionsOf(sound)).length).toBeGreaterThanOrEqual(1);
    expect(await read(broken)).toMatchObject({
      status: "paused",
      nextRun: null,
      pausedReason: expect.stringContaining("cannot be planned"),
    });
    expect(await deleteJob(db, account.accountId, broken)).toBe(true);
  });
});

describe("a job with a policy that this version does not know", () => {
  it("is paused with the reason, and does not hold up the others", async () => {
    const [broken, sound] = [await makeJob(db, account), await makeJob(db, account)];
    await makeDue(db, broken);
    await makeDue(db, sound);
    await db.execute(sql`update jobs set overlap = '{"policy": "newer"}' where id = ${broken}`);
    expect((await claimDue(db, 100)).jobs).toBe(2);
    expect((await executionsOf(sound)).length).toBeGreaterThanOrEqual(1);
    expect(await read(broken)).toMatchObject({ status: "paused", pausedReason: expect.stringContaining("newer") });
  });
});

describe("an occurrence that is in the ledger already", () => {
  it("keeps its row, is not counted again, and the job goes on", async () => {
    const jobId = await makeJob(db, account);
    await makeDue(db, jobId, 2);
    await claimDue(db, 100);
    const before = await executionsOf(jobId);
    // As after a failover to a server whose clock is behind.
    await db.execute(
      sql`update jobs set next_run = to_timestamp(${before[0]?.ms as number} / 1000.0) where id = ${jobId}`,
    );
    await claimDue(db, 100);
    const after = await executionsOf(jobId);
    expectNoHole(after);
    expect(await read(jobId)).toMatchObject({ runCount: after.length });
  });
});

describe("max_runs", () => {
  it("is not exceeded when a manual run has taken the last one", async () => {
    const jobId = await makeJob(db, account, { max_runs: 1 });
    await runJob(db, account.accountId, jobId);
    await db.execute(sql`update jobs set next_run = now() - interval '1 second' where id = ${jobId}`);
    expect(await claimDue(db, 100)).toEqual({ jobs: 1, dispatches: [] });
    expect(await read(jobId)).toMatchObject({ runCount: 1, nextRun: null });
  });

  it("is never exceeded, and what lies beyond is not planned", async () => {
    const jobId = await makeJob(db, account, { max_runs: 3 });
    await makeDue(db, jobId, 10);
    const { dispatches } = await claimDue(db, 100);
    expect(dispatches).toHaveLength(3);
    expect(await executionsOf(jobId)).toHaveLength(3);
    expect(await read(jobId)).toMatchObject({ runCount: 3, nextRun: null, status: "active" });
    expect((await claimDue(db, 100)).jobs).toBe(0);
  });
});

describe("a change of schedule", () => {
  it("serves no instant twice and loses none, whatever is swept between", async () => {
    const jobId = await makeJob(db, account);
    for (let round = 0; round < 10; round++) {
      await Promise.all([
        claimDue(db, 100),
        patchJob(db, account.accountId, jobId, { schedule: "@every 1s" }),
        claimDue(db, 100),
      ]);
      await makeDue(db, jobId, 1);
    }
    await claimDue(db, 100);
    const written = await executionsOf(jobId);
    expect(new Set(written.map((row) => row.ms)).size).toBe(written.length);
    expect(await read(jobId)).toMatchObject({ runCount: written.length });
  });
});
