/** The scheduler's loops together, on a real ledger and a real queue, with a test for a worker. */
import type { DispatchedExecution } from "@belfry/contract/message.ts";
import { createCalendar, patchCalendar } from "@belfry/db/calendars.ts";
import type { Db } from "@belfry/db/client.ts";
import { claimExecutions, finishExecutions } from "@belfry/db/executions.ts";
import { runJob } from "@belfry/db/jobs.ts";
import { listen, WAKE_CHANNEL } from "@belfry/db/listen.ts";
import { getJob } from "@belfry/db/read-jobs.ts";
import { inTransaction } from "@belfry/db/transaction.ts";
import { markStopped } from "@belfry/db/workers.ts";
import { consume } from "@belfry/queue/consumer.ts";
import { createPublisher } from "@belfry/queue/publisher.ts";
import { createLogger } from "@belfry/service/logger.ts";
import {
  makeAccount,
  makeJob,
  makeWorker,
  openTestLedger,
  rowsOf,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { createTestRedis } from "@belfry/testing/redis.ts";
import { startTcpProxy, type TcpProxy } from "@belfry/testing/tcp-proxy.ts";
import { type SQL, sql } from "drizzle-orm";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Loops, startLoops } from "./loops.ts";

let ledger: TestLedger;
let db: Db;
let account: TestAccount;
let proxy: TcpProxy;
let loops: Loops;
let got: DispatchedExecution[];
let closing: (() => Promise<void>)[];

beforeEach(async () => {
  ledger = await openTestLedger();
  db = ledger.db;
  account = await makeAccount(db);
  const { url, prefix } = createTestRedis();
  proxy = await startTcpProxy(url);
  got = [];
  const handle = async (message: DispatchedExecution) => void got.push(message);
  const consumer = consume({ kind: "redis", url, prefix }, "default", {
    concurrency: 50,
    handle,
    handOn: async () => undefined,
    onRefused: () => undefined,
    onError: () => undefined,
  });
  const publisher = createPublisher({ kind: "redis", url: proxy.url, prefix }, () => undefined);
  loops = startLoops({ db, publisher, log: createLogger("test", "silent") });
  closing = [ledger.close, proxy.close, consumer.close, publisher.close, loops.stop];
});
afterEach(async () => {
  for (const close of closing.toReversed()) await close();
});

const arrivals = (executionId: string) =>
  expect.poll(() => got.filter((m) => m.executionId === executionId).map((m) => m.attempt), {
    timeout: 10_000,
    interval: 20,
  });
const manualRun = async (jobId: string) => (await runJob(db, account.accountId, jobId))?.executionId as string;

it("publish each occurrence at its time, once, without a hole", async () => {
  const jobId = await makeJob(db, account, { schedule: "@every 1s" });
  loops.wake();
  await expect.poll(() => got.length, { timeout: 10_000, interval: 20 }).toBeGreaterThanOrEqual(3);
  const rows = await rowsOf<{ id: string; gap: number | null; late: number }>(
    db,
    sql`select id, (extract(epoch from scheduled_for - lag(scheduled_for) over (order by scheduled_for)) * 1000)::float8 as gap,
          extract(epoch from created_at - scheduled_for)::float8 as late
        from executions where job_id = ${jobId} order by scheduled_for`,
  );
  expect(rows.slice(1).every(({ gap }) => gap === 1_000)).toBe(true);
  // Never before its time.
  expect(rows.every(({ late }) => late >= 0)).toBe(true);
  expect(new Set(got.map((m) => m.executionId)).size).toBe(got.length);
});

it("sweep what others have due beside a crowd", async () => {
  const copiesOf = (jobId: string, count: number, due: SQL) => sql`
    insert into jobs
    select (jsonb_populate_record(j, jsonb_build_object('id', copy.id, 'name', copy.id, 'next_run', ${due}))).*
    from jobs j, (select gen_random_uuid() as id from generate_series(1, ${count})) copy where j.id = ${jobId}`;
  const other = await makeAccount(db);
  const [crowd, single] = [
    await makeJob(db, account, { schedule: "0 0 1 1 *" }),
    await makeJob(db, other, { schedule: "0 0 1 1 *" }),
  ];
  await inTransaction(db, async (tx) => {
    for (let i = 0; i < 4; i++) await tx.execute(copiesOf(crowd, 1_000, sql`now() - interval '1 second'`));
    await tx.execute(copiesOf(single, 1, sql`now()`));
  });
  loops.wake();
  const written = sql`select count(*)::int as n from executions`;
  await expect.poll(async () => (await rowsOf(db, written))[0]?.n, { timeout: 20_000 }).toBe(4_001);
  const later = await rowsOf<{ n: number }>(
    db,
    sql`select count(*)::int as n from executions e
        where e.created_at > (select created_at from executions where account_id = ${other.accountId})`,
  );
  expect(later[0]?.n).toBeGreaterThan(0);
});

it("publish a manual run as soon as they are woken", async () => {
  const jobId = await makeJob(db, account, { schedule: "0 0 1 1 *" });
  await expect.poll(() => loops.all.every((loop) => loop.lastRunAt() !== null)).toBe(true);
  const executionId = await manualRun(jobId);
  loops.wake();
  await arrivals(executionId).toEqual([1]);
});

it("give what a stopped worker ran another attempt, and publish that", async () => {
  const executionId = await manualRun(await makeJob(db, account, { schedule: "0 0 1 1 *" }));
  loops.wake();
  await arrivals(executionId).toEqual([1]);
  const worker = await makeWorker(db);
  await claimExecutions(db, worker, [{ executionId, attempt: 1 }]);
  await markStopped(db, worker);
  await arrivals(executionId).toEqual([1, 2]);
});

it("plan jobs anew when their calendar changes", async () => {
  const name = "holidays";
  const { id } = await createCalendar(db, account.accountId, { name, description: "", dates: [] });
  const schedule = { type: "daily", time: "09:00", start: "2030-12-25T00:00:00Z", calendars: { exclude: [name] } };
  const jobId = await makeJob(db, account, { schedule });
  await expect.poll(() => loops.all.every((loop) => loop.lastRunAt() !== null)).toBe(true);
  await patchCalendar(db, account.accountId, id, { dates: ["2030-12-25", "2030-12-26"] });
  loops.wake();
  const nextRun = async () => (await getJob(db, account.accountId, jobId))?.nextRun?.toISOString();
  await expect.poll(nextRun, { timeout: 10_000, interval: 20 }).toBe("2030-12-27T09:00:00.000Z");
});

it("complete a job whose runs are used up", async () => {
  const jobId = await makeJob(db, account, { max_runs: 1 });
  loops.wake();
  await expect.poll(() => got.length, { timeout: 10_000, interval: 20 }).toBe(1);
  const worker = await makeWorker(db);
  const { executionId } = got[0] as DispatchedExecution;
  await claimExecutions(db, worker, [{ executionId, attempt: 1 }]);
  await finishExecutions(db, worker, [
    { executionId, attempt: 1, status: "success", skipReason: null, error: null, check: null, perform: null },
  ]);
  await expect
    .poll(async () => (await getJob(db, account.accountId, jobId))?.status, { timeout: 10_000 })
    .toBe("completed");
  expect(got).toHaveLength(1);
});

it("pause a job that keeps failing as soon as they are told", async () => {
  const jobId = await makeJob(db, account, { schedule: "0 0 1 1 *", auto_pause_after: 1 });
  const listener = listen(ledger.url, WAKE_CHANNEL, {
    onNotify: loops.wake,
    onConnect: loops.wake,
    onError: () => undefined,
  });
  closing.push(listener.close);
  const executionId = await manualRun(jobId);
  await arrivals(executionId).toEqual([1]);
  const worker = await makeWorker(db);
  await claimExecutions(db, worker, [{ executionId, attempt: 1 }]);
  const failed = {
    status: "failed",
    error: { code: "TIMEOUT", message: "it took too long" },
    skipReason: null,
  } as const;
  await manualRun(jobId);
  await finishExecutions(db, worker, [{ executionId, attempt: 1, ...failed, check: null, perform: null }]);
  await expect
    .poll(async () => await getJob(db, account.accountId, jobId), { timeout: 10_000, interval: 20 })
    .toMatchObject({ status: "paused", pausedReason: expect.stringContaining("TIMEOUT: it took too long") });
});

it("go on writing the ledger while the queue hangs, and publish all of it afterwards", async () => {
  const jobId = await makeJob(db, account, { schedule: "@every 1s" });
  loops.wake();
  await expect.poll(() => got.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(1);
  proxy.freeze();
  const count = async () =>
    (await rowsOf<{ n: number }>(db, sql`select count(*)::int as n from executions where job_id = ${jobId}`))[0]
      ?.n as number;
  const before = await count();
  await expect.poll(count, { timeout: 10_000 }).toBeGreaterThanOrEqual(before + 3);
  proxy.thaw();
  const ids = async () =>
    (await rowsOf<{ id: string }>(db, sql`select id from executions where job_id = ${jobId}`)).map((row) => row.id);
  await expect
    .poll(async () => (await ids()).filter((id) => !got.some((m) => m.executionId === id)).length, {
      timeout: 20_000,
      interval: 50,
    })
    .toBe(0);
});

it("stop when they are told, whatever is under way", async () => {
  for (let i = 0; i < 20; i++) await makeJob(db, account, { schedule: "@every 1s" });
  loops.wake();
  await expect.poll(() => got.length, { timeout: 10_000, interval: 5 }).toBeGreaterThan(0);
  await loops.stop();
  const written = (await rowsOf<{ n: number }>(db, sql`select count(*)::int as n from executions`))[0]?.n;
  // Whatever is in the ledger was also published: nothing is left half-way.
  await expect.poll(() => got.length, { timeout: 5_000 }).toBe(written);
});
