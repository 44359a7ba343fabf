import { createCalendarBody } from "@belfry/contract/calendar.ts";
import { nextRun } from "@belfry/schedule/next-run.ts";
import {
  makeAccount,
  makeJob,
  openTestLedger,
  rowsOf,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { sweepOnce } from "@belfry/testing/sweep.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { reportAudit } from "./audit-report.ts";
import { createCalendar, patchCalendar } from "./calendars.ts";
import { type Db, databaseNow, openDatabase } from "./client.ts";
import { readChanges } from "./job-changes.ts";
import { patchJob, pauseJob, resumeJob } from "./jobs.ts";
import { getJob } from "./read-jobs.ts";
import { replanJobs } from "./replan.ts";
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
  await db.execute(sql`delete from job_replans`);
});
afterAll(() => ledger.close());

const DAY_MS = 86_400_000;
/** From today on, in UTC. */
const dateIn = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);
/** Until long after this test, also if midnight comes in between. */
const TODAY = [dateIn(0), dateIn(1), dateIn(2)];

const calendar = async (name: string, dates: string[] = []) =>
  (await createCalendar(db, account.accountId, createCalendarBody.parse({ name, dates }))).id;

const change = async (id: string, dates: string[]) =>
  (await patchCalendar(db, account.accountId, id, { dates }))?.jobsToReplan;

const everySecond = (mode: "exclude" | "include" = "exclude", value = "1s") => ({
  type: "interval",
  value,
  calendars: { [mode]: ["holidays"] },
});

/** Twenty times a second, by as many intervals that began at different moments. */
const often = (seconds = 1) => ({
  type: "any",
  of: Array.from({ length: 20 }, (_, i) => ({
    type: "interval",
    value: `${seconds}s`,
    start: new Date(Date.UTC(2026, 0, 1) + i * seconds * 50).toISOString(),
  })),
  calendars: { exclude: ["holidays"] },
});

const read = async (jobId: string) =>
  (await getJob(db, account.accountId, jobId)) as NonNullable<Awaited<ReturnType<typeof getJob>>>;

const dayOf = (instant: Date | null) => instant?.toISOString().slice(0, 10);
const waiting = () => rowsOf<{ job_id: string }>(db, sql`select job_id from job_replans order by turn`);
const kindsOf = async (jobId: string) => (await readChanges(db, [jobId])).get(jobId)?.map(({ kind }) => kind);

const sweep = () => sweepOnce(db, { callerPublishes: false });

/** The ledger has what was planned, and each plan begins with the first instant of its schedule after the change. */
const expectSound = async () => {
  const { findings } = await reportAudit(db, { accountId: account.accountId });
  expect(findings).toEqual([]);
  const jobs = await rowsOf<{ id: string }>(db, sql`select id from jobs where account_id = ${account.accountId}`);
  const histories = await readChanges(
    db,
    jobs.map(({ id }) => id),
  );
  for (const { planned, kind, scheduleSpec, at, first } of [...histories.values()].flat()) {
    if (planned && kind !== "continued") expect(first?.getTime()).toBe(nextRun(scheduleSpec, at.getTime()));
  }
};

describe("a calendar that changes", () => {
  it("moves the next run of the jobs that refer to it, and of no others", async () => {
    const id = await calendar("holidays");
    await calendar("others");
    const job = await makeJob(db, account, { schedule: everySecond() });
    const daily = { type: "daily", time: "23:59", calendars: { exclude: ["others"] } };
    const unconcerned = [await makeJob(db, account, { schedule: daily }), await makeJob(db, account)];
    const before = await Promise.all(unconcerned.map(read));

    expect(await change(id, TODAY)).toBe(1);
    expect(await waiting()).toEqual([{ job_id: job }]);
    expect(await replanJobs(db, 10)).toEqual({ done: 1, parked: [], postponed: [] });

    expect(dayOf((await read(job)).nextRun)).toBe(dateIn(3));
    expect(await waiting()).toEqual([]);
    expect(await kindsOf(job)).toEqual(["created", "edited"]);
    expect(await Promise.all(unconcerned.map(read))).toEqual(before);
    await expectSound();
  });

  it("replans nothing when its dates stay", async () => {
    const id = await calendar("holidays", TODAY);
    await makeJob(db, account, { schedule: everySecond("include") });
    expect(await change(id, TODAY.toReversed())).toBe(0);
    expect(await waiting()).toEqual([]);
  });

  it("serves what was due before under the dates of before", async () => {
    const id = await calendar("holidays");
    const job = await makeJob(db, account, { schedule: often() });
    const lateness = async () => (await databaseNow(db)) - ((await read(job)).nextRun as Date).getTime();
    await expect.poll(lateness).toBeGreaterThan(50);
    await change(id, TODAY);
    await replanJobs(db, 10);
    const { runCount, nextRun } = await read(job);
    expect(runCount).toBeGreaterThanOrEqual(2);
    expect(dayOf(nextRun)).toBe(dateIn(3));
    await expectSound();
  });

  it("keeps what an interval is counted from", async () => {
    const id = await calendar("holidays");
    const job = await makeJob(db, account, { schedule: everySecond("exclude", "7h") });
    const first = (await read(job)).nextRun as Date;
    await change(id, TODAY);
    await replanJobs(db, 10);
    const next = (await read(job)).nextRun as Date;
    expect(dayOf(next)).toBe(dateIn(3));
    expect((next.getTime() - first.getTime()) % (7 * 3_600_000)).toBe(0);
  });

  it("replaces the dates of jobs that are not planned, which go on with them", async () => {
    const id = await calendar("holidays");
    const [paused, disabled] = [
      await makeJob(db, account, { schedule: everySecond() }),
      await makeJob(db, account, { schedule: everySecond(), enabled: false }),
    ];
    await pauseJob(db, account.accountId, paused);
    await change(id, TODAY);
    expect(await replanJobs(db, 10)).toMatchObject({ done: 2 });
    for (const job of [paused, disabled]) {
      const { nextRun, scheduleSpec } = await read(job);
      expect([nextRun, JSON.stringify(scheduleSpec).includes(TODAY[0] as string)]).toEqual([null, true]);
    }
    await resumeJob(db, account.accountId, paused);
    await patchJob(db, account.accountId, disabled, { enabled: true });
    for (const job of [paused, disabled]) expect(dayOf((await read(job)).nextRun)).toBe(dateIn(3));
    await expectSound();
  });

  it("is seen by a job that is resumed before its turn", async () => {
    const id = await calendar("holidays");
    const job = await makeJob(db, account, { schedule: everySecond() });
    await pauseJob(db, account.accountId, job);
    await change(id, TODAY);
    await resumeJob(db, account.accountId, job);
    expect(dayOf((await read(job)).nextRun)).toBe(dateIn(3));
    expect(await replanJobs(db, 10)).toMatchObject({ done: 1 });
    expect(await kindsOf(job)).toEqual(["created", "paused", "resumed"]);
    await expectSound();
  });

  it("ends a job that has no dates left, and lets it go on when it has some again", async () => {
    const id = await calendar("holidays", TODAY);
    const job = await makeJob(db, account, { schedule: everySecond("include") });
    await change(id, ["2020-01-01"]);
    await replanJobs(db, 10);
    // It settles when the last of its executions has ended.
    expect(await read(job)).toMatchObject({ status: "active", nextRun: null });
    await db.execute(sql`update jobs set status = 'completed' where id = ${job}`);
    await change(id, [...TODAY, dateIn(3)]);
    await replanJobs(db, 10);
    expect(await read(job)).toMatchObject({ status: "active", nextRun: expect.any(Date) });
    await expectSound();
  });

  it("leaves a job that has had its runs as it is", async () => {
    const id = await calendar("holidays");
    const job = await makeJob(db, account, { schedule: often(), max_runs: 1 });
    await expect
      .poll(async () => {
        await sweep();
        return (await read(job)).runCount;
      })
      .toBe(1);
    await db.execute(sql`update jobs set status = 'completed' where id = ${job}`);
    await change(id, [dateIn(5)]);
    await replanJobs(db, 10);
    expect(await read(job)).toMatchObject({ status: "completed", nextRun: null });
  });

  it("moves occurrences to the next day that is free", async () => {
    const id = await calendar("holidays");
    const daily = { type: "daily", time: "12:00", from: dateIn(1), calendars: { exclude: ["holidays"] } };
    const start = { start: `${dateIn(1)}T00:00:00Z`, end: `${dateIn(1)}T23:59:00Z` };
    const job = await makeJob(db, account, { schedule: { ...daily, start: start.start, move: "next", every: 30 } });
    expect(dayOf((await read(job)).nextRun)).toBe(dateIn(1));
    await change(id, [dateIn(1), dateIn(2)]);
    await replanJobs(db, 10);
    expect(dayOf((await read(job)).nextRun)).toBe(dateIn(3));
  });
});

describe("the order of turns", () => {
  it("is by the next run, and jobs without one are last", async () => {
    const id = await calendar("holidays");
    const jobs: string[] = [];
    for (const value of ["3h", "1h", "2h"])
      jobs.push(await makeJob(db, account, { schedule: everySecond("exclude", value) }));
    jobs.push(await makeJob(db, account, { schedule: everySecond(), enabled: false }));
    await change(id, TODAY);
    expect((await waiting()).map(({ job_id }) => job_id)).toEqual([1, 2, 0, 3].map((i) => jobs[i]));
  });
});

describe("a job that cannot be planned anew", () => {
  it("is paused with the reason when that is for good", async () => {
    const id = await calendar("holidays");
    const name = "of a zone that is no more";
    const job = await makeJob(db, account, { name, schedule: everySecond() });
    await db.execute(sql`
      update jobs set schedule_spec = jsonb_set(schedule_spec::jsonb, '{timezone}', '"Mars/Olympus"') where id = ${job}`);
    await change(id, TODAY);
    const reason = expect.stringMatching(/^its schedule cannot be planned: .*time zone/);
    expect(await replanJobs(db, 10)).toEqual({
      done: 1,
      parked: [{ jobId: job, jobName: name, accountId: account.accountId, reason }],
      postponed: [],
    });
    expect(await read(job)).toMatchObject({ status: "paused", pausedReason: reason, nextRun: null });
    expect(await waiting()).toEqual([]);
  });

  it("has another turn when it is not, and keeps nobody from theirs", async () => {
    const id = await calendar("holidays");
    const [stuck, other] = [
      await makeJob(db, account, { schedule: everySecond() }),
      await makeJob(db, account, { schedule: everySecond("exclude", "1h") }),
    ];
    await change(id, TODAY);
    await inTransaction(db, async (tx) => {
      await tx.execute(sql`select from jobs where id = ${stuck} for update`);
      const { done, postponed } = await replanJobs(db, 10);
      expect([done, postponed.map(({ jobId }) => jobId)]).toEqual([1, [stuck]]);
      expect(dayOf((await read(other)).nextRun)).toBe(dateIn(3));
    });
    expect(await waiting()).toEqual([{ job_id: stuck }]);
    expect(await replanJobs(db, 10)).toMatchObject({ done: 1, postponed: [] });
    expect(dayOf((await read(stuck)).nextRun)).toBe(dateIn(3));
  });

  it("is forgotten when it never was", async () => {
    await db.execute(sql`insert into job_replans values (gen_random_uuid(), now())`);
    expect(await replanJobs(db, 10)).toEqual({ done: 1, parked: [], postponed: [] });
  });
});

describe("whoever dies on the way", () => {
  it("leaves those that it has not done to the next", async () => {
    const id = await calendar("holidays");
    // So many that it is not done before it is killed.
    const schedule = everySecond("exclude", "1h");
    const jobs = await Promise.all(Array.from({ length: 400 }, () => makeJob(db, account, { schedule })));
    expect(await change(id, TODAY)).toBe(400);

    const doomed = openDatabase({ url: ledger.url, applicationName: "doomed", onError: () => undefined });
    const ofDoomed = sql`from pg_stat_activity where application_name = 'doomed'`;
    const dying = expect(replanJobs(doomed.db, 1_000)).rejects.toThrow();
    await expect.poll(async () => (await waiting()).length, { interval: 2 }).toBeLessThan(400);
    // More than once: some of its lanes may just be connecting.
    const kill = () => rowsOf(db, sql`select pid, pg_terminate_backend(pid) ${ofDoomed}`);
    await kill();
    await dying;
    await expect.poll(kill).toEqual([]);
    await doomed.close();

    const left = new Set((await waiting()).map(({ job_id }) => job_id));
    expect(left.size).toBeGreaterThan(0);
    for (const job of jobs) {
      const { nextRun } = await read(job);
      expect([job, dayOf(nextRun) === dateIn(3)]).toEqual([job, !left.has(job)]);
    }
    expect(await replanJobs(db, 1_000)).toMatchObject({ done: left.size });
    for (const job of jobs) expect(dayOf((await read(job)).nextRun)).toBe(dateIn(3));
    await expectSound();
  });
});

describe("all at once", () => {
  it("loses and doubles nothing, and ends with the dates of the last change", async () => {
    const id = await calendar("holidays");
    const patch = (seconds: number) => ({ schedule: often(seconds) }) as Parameters<typeof patchJob>[3];
    const jobs: string[] = [];
    for (let i = 0; i < 12; i++) jobs.push(await makeJob(db, account, { schedule: often() }));
    const until = Date.now() + 4_000;
    const repeat = async (work: (round: number) => Promise<unknown>) => {
      for (let round = 0; Date.now() < until; round++) await work(round);
    };
    const someJob = (round: number) => jobs[round % jobs.length] as string;
    await Promise.all([
      repeat((round) => change(id, round % 2 === 0 ? TODAY : [])),
      repeat(() => replanJobs(db, 50)),
      repeat(() => replanJobs(db, 50)),
      repeat(sweep),
      repeat(sweep),
      repeat((round) => patchJob(db, account.accountId, someJob(round), patch(1 + (round % 3))).catch(ignoreOver)),
      repeat(async (round) => {
        await pauseJob(db, account.accountId, someJob(round));
        await resumeJob(db, account.accountId, someJob(round));
      }),
      repeat(async () => void jobs.push(await makeJob(db, account, { schedule: often(2) }))),
    ]);

    await change(id, [dateIn(9)]);
    await change(id, TODAY);
    for (let left = 1; left > 0; left = (await waiting()).length) await replanJobs(db, 1_000);
    const now = await databaseNow(db);
    for (const job of jobs) {
      const { nextRun, scheduleSpec } = await read(job);
      expect([scheduleSpec, dayOf(nextRun)]).toEqual([
        expect.objectContaining({ calendars: [{ name: "holidays", mode: "exclude", dates: TODAY }] }),
        dateIn(3),
      ]);
    }
    await sweep();
    expect(
      await rowsOf(
        db,
        sql`select id from executions where account_id = ${account.accountId} and scheduled_for > to_timestamp(${now}::float8 / 1000) and trigger = 'schedule'`,
      ),
    ).toEqual([]);
    const [written] = await rowsOf<{ count: number }>(
      db,
      sql`select count(*)::int as count from executions where account_id = ${account.accountId}`,
    );
    expect(written?.count).toBeGreaterThan(100);
    await expectSound();
  });

  it("lets a job that is made meanwhile see the change, or the change see the job", async () => {
    const id = await calendar("holidays");
    const body = { function_id: account.functionId, schedule: everySecond() };
    for (let round = 0; round < 20; round++) {
      const dates = round % 2 === 0 ? TODAY : [dateIn(7)];
      const made = Array.from({ length: 3 }, () => makeJob(db, account, body));
      const [jobs] = await Promise.all([Promise.all(made), change(id, dates)]);
      await replanJobs(db, 100);
      for (const job of jobs) expect(JSON.stringify((await read(job)).scheduleSpec)).toContain(JSON.stringify(dates));
    }
  });
});

/** A schedule that has no run ahead of it is refused, as it is while all days are excluded. */
function ignoreOver(error: unknown): void {
  if ((error as { code?: string }).code !== "SCHEDULE_INVALID") throw error;
}
