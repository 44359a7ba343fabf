import { type Db, databaseNow } from "@belfry/db/client.ts";
import { registerDuties } from "@belfry/db/duties.ts";
import { makePartitions } from "@belfry/db/partitions.ts";
import { markStopped } from "@belfry/db/workers.ts";
import { createLogger } from "@belfry/service/logger.ts";
import {
  makeAccount,
  makeDue,
  makeJob,
  makeWorker,
  openTestLedger,
  rowsOf,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { letTimePass } from "@belfry/testing/let-time-pass.ts";
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, expect, it } from "vitest";
import { claimDue } from "./claim-due.ts";
import { listDuties } from "./duties.ts";

const DAY_MS = 86_400_000;

let ledger: TestLedger;
let db: Db;
let lines: Record<string, unknown>[];

beforeEach(async () => {
  ledger = await openTestLedger();
  db = ledger.db;
  lines = [];
});
afterEach(() => ledger.close());

/** Does a duty, whether it is due or not. */
async function perform(name: string, signal = new AbortController().signal): Promise<string> {
  const log = createLogger("test", "info", { write: (line: string) => void lines.push(JSON.parse(line)) });
  const duty = listDuties({ db, databaseUrl: ledger.url, retentionDays: 30, log }).find((one) => one.name === name);
  return (await duty?.run(signal)) as string;
}

it("have names of their own and intervals of a minute at least", () => {
  const log = createLogger("test", "silent");
  const duties = listDuties({ db, databaseUrl: ledger.url, retentionDays: 30, log });
  expect(new Set(duties.map(({ name }) => name)).size).toBe(duties.length);
  for (const { everyMs } of duties) expect(everyMs).toBeGreaterThanOrEqual(60_000);
});

it("forget workers that stopped more than a day ago and run nothing any more", async () => {
  const account = await makeAccount(db);
  const [living, today, long, stillRunning] = await Promise.all([1, 2, 3, 4].map(() => makeWorker(db)));
  for (const worker of [today, long, stillRunning]) await markStopped(db, worker as string);
  await db.execute(
    sql`update workers set stopped_at = now() - interval '25 hours' where id in (${long}, ${stillRunning})`,
  );
  await makeDue(db, await makeJob(db, account));
  await claimDue(db, 10);
  await db.execute(sql`update executions set status = 'running', worker = ${stillRunning}, started_at = now()`);
  expect(await perform("workers")).toBe("1 workers forgotten");
  const left = await rowsOf<{ id: string }>(db, sql`select id from workers`);
  expect(left.map(({ id }) => id).sort()).toEqual([living, today, stillRunning].sort());
});

it("audit what the ledger has got lately, and name what is wrong", async () => {
  const account = await makeAccount(db);
  const [sound, holed] = [await makeJob(db, account), await makeJob(db, account, { name: "nightly" })];
  for (const jobId of [sound, holed]) await letTimePass(db, jobId, 4);
  while ((await claimDue(db, 100)).jobs > 0);
  const [gone] = await rowsOf<{ at: string }>(
    db,
    sql`delete from executions where job_id = ${holed}
        and scheduled_for = (select min(scheduled_for) from executions where job_id = ${holed})
        returning to_char(scheduled_for, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at`,
  );
  expect(await perform("audit")).toMatch(/^2 jobs, \d+ due, [23] findings$/);
  const hole = lines.find(({ kind }) => kind === "hole");
  expect(hole).toMatchObject({
    level: "error",
    msg: "the ledger is wrong",
    job_id: holed,
    job_name: "nightly",
    account_id: account.accountId,
    scheduled_for: gone?.at,
    finding: "was planned and has no execution",
  });
});

it("audit from an hour before the last good audit on, and no further back", async () => {
  const account = await makeAccount(db);
  const jobId = await makeJob(db, account);
  await letTimePass(db, jobId, 4);
  while ((await claimDue(db, 100)).jobs > 0);
  await registerDuties(db, [{ name: "audit", everyMs: 900_000 }]);
  const [all] = await rowsOf<{ due: number }>(db, sql`select sum(occurrences)::int as due from executions`);
  await db.execute(sql`update duties set done_at = now() + interval '59 minutes'`);
  expect(await perform("audit")).toBe(`1 jobs, ${all?.due} due, 0 findings`);
  await db.execute(sql`update duties set done_at = now() + interval '61 minutes'`);
  expect(await perform("audit")).toBe("1 jobs, 0 due, 0 findings");
});

it("log a hundred findings at most, and how many more there are", async () => {
  const account = await makeAccount(db);
  await Promise.all(Array.from({ length: 105 }, () => makeJob(db, account, { schedule: "0 0 1 1 *" })));
  await db.execute(sql`delete from job_changes`);
  expect(await perform("audit")).toBe("105 jobs, 0 due, 105 findings");
  expect(lines).toHaveLength(101);
  expect(lines.at(-1)).toMatchObject({ level: "error", findings: 5, msg: "the ledger is wrong in more places" });
});

it("stop between two jobs when they are told to", async () => {
  await makeJob(db, await makeAccount(db));
  await expect(perform("audit", AbortSignal.abort(new Error("the scheduler stops")))).rejects.toThrow(
    "the scheduler stops",
  );
});

it("make the partitions of the time ahead", async () => {
  expect(await perform("partitions")).toBe("all there");
  const [last] = await rowsOf<{ name: string }>(
    db,
    sql`select inhrelid::regclass::text as name from pg_inherits where inhparent = 'executions'::regclass order by 1 desc limit 1 offset 1`,
  );
  await db.execute(sql`drop table ${sql.identifier(last?.name as string)}`);
  expect(await perform("partitions")).toBe(`made ${last?.name}`);
});

it("let go of what has expired, and warn of what should go and cannot", async () => {
  const account = await makeAccount(db);
  const jobId = await makeJob(db, account, { schedule: "@every 1h" });
  const aged = (await databaseNow(db)) - 50 * DAY_MS;
  await makePartitions(db, { now: aged, retentionDays: 30 });
  await letTimePass(db, jobId, 3_600);
  await claimDue(db, 10);
  await letTimePass(db, jobId, 50 * 86_400);
  expect(await perform("retention")).toMatch(/^kept from 2\S+Z; dropped /);
  expect(lines.find(({ msg }) => msg === "partition has expired and stays for now")).toMatchObject({
    level: "warn",
    why: "something in it is still pending or running",
  });
  await db.execute(sql`update executions set status = 'success', completed_at = now()`);
  expect(await perform("retention")).toMatch(/dropped executions_\d{8}, deleted 0 other executions$/);
  expect(await rowsOf(db, sql`select from executions`)).toEqual([]);
});
