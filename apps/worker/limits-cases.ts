/** Limits and fairness with a scheduler and workers as processes of their own. A test file for each backend of the queue. */
import { setTimeout as sleep } from "node:timers/promises";
import { createFunctionBody, patchFunctionBody } from "@belfry/contract/function.ts";
import { patchAccount } from "@belfry/db/accounts.ts";
import { cancelExecution } from "@belfry/db/executions.ts";
import { createFunction, patchFunction } from "@belfry/db/functions.ts";
import { pauseJob, runJob } from "@belfry/db/jobs.ts";
import {
  makeAccount,
  makeJob,
  openTestLedger,
  rowsOf,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { type AppProcess, startApp } from "@belfry/testing/processes.ts";
import { createTestRedis } from "@belfry/testing/redis.ts";
import { startTarget, type Target } from "@belfry/testing/target.ts";
import { type SQL, sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";

/** A function's own server: how many calls it has in hand at once, and when each began, by its own clock. */
type Served = { functionId: string; most: number; inHand: number; executions: string[]; release: () => void };

export function describeLimits(backend: "redis" | "postgres"): void {
  let ledger: TestLedger;
  let account: TestAccount;
  let target: Target;
  let env: Record<string, string>;
  let processes: AppProcess[];
  let onCall = (): void => undefined;

  beforeAll(async () => {
    ledger = await openTestLedger();
    target = await startTarget();
    const redis = createTestRedis();
    env = {
      DATABASE_URL: ledger.url,
      ...(backend === "redis" && { REDIS_URL: redis.url }),
      BELFRY_QUEUE_PREFIX: redis.prefix,
      BELFRY_HTTP_ALLOW: "127.0.0.1",
      BELFRY_CONCURRENCY: "20",
      BELFRY_DRAIN_MS: "2000",
    };
    processes = await Promise.all([startApp("scheduler", env), ...[1, 2, 3].map(() => startApp("worker", env))]);
  }, 60_000);
  afterAll(async () => {
    await Promise.all(processes.map((process) => process.kill("SIGKILL")));
    await ledger.close();
    await target.close();
  });
  beforeEach(async () => {
    account = await makeAccount(ledger.db);
    onCall = () => undefined;
  });

  /** A function without a check. With `hold` its calls are answered only when the test releases them, otherwise after `ms`. */
  async function serve(body: Record<string, unknown>, { hold = false, ms = 5, of = account } = {}): Promise<Served> {
    const path = `/${crypto.randomUUID()}`;
    const released = Promise.withResolvers<void>();
    const served: Served = { functionId: "", most: 0, inHand: 0, executions: [], release: released.resolve };
    target.on(path, async ({ executionId }, response) => {
      served.executions.push(executionId);
      served.inHand += 1;
      served.most = Math.max(served.most, served.inHand);
      onCall();
      const ended = new Promise((resolve) => response.once("close", resolve));
      if (hold) await Promise.race([released.promise, ended]);
      await sleep(ms);
      served.inHand -= 1;
      return {};
    });
    const fn = createFunctionBody.parse({ name: path, kind: "http", url: target.url + path, check: false, ...body });
    served.functionId = (await createFunction(ledger.db, of.accountId, fn)).id;
    return served;
  }
  /** Manual runs, one of each of as many jobs. Returns their ids in order. */
  async function runs({ functionId }: Served, count: number, job: Record<string, unknown> = {}): Promise<string[]> {
    const ids: string[] = [];
    for (let i = 0; i < count; i++) {
      const jobId = await makeJob(ledger.db, { ...account, functionId }, { schedule: "0 0 1 1 *", ...job });
      ids.push((await runJob(ledger.db, account.accountId, jobId))?.executionId as string);
    }
    return ids;
  }
  const count = async (which: SQL, ids: readonly string[]): Promise<number> => {
    const found = sql`select count(*)::int as n from executions e where e.id = any(${sql.param(ids)}::uuid[]) and ${which}`;
    return (await rowsOf<{ n: number }>(ledger.db, found))[0]?.n ?? 0;
  };
  const succeeded = sql`e.status = 'success'`;
  const parked = sql`e.status = 'pending' and e.publish_at > now() + interval '1 year'`;
  const becomes = (n: number, which: SQL, ids: readonly string[], timeout = 30_000) =>
    expect.poll(() => count(which, ids), { timeout, interval: 30 }).toBe(n);

  it("never calls a function more often at once than it may be, whoever calls it", async () => {
    const fn = await serve({ max_concurrency: 3 }, { hold: true });
    const ids = await runs(fn, 60);
    await becomes(57, parked, ids);
    fn.release();
    await becomes(60, succeeded, ids);
    expect(fn.most).toBe(3);
    expect(fn.executions).toHaveLength(60);
    expect(await count(sql`e.attempt > 1`, ids)).toBe(0);
  });

  it("leaves the workers' slots to others while work waits", async () => {
    const slow = await serve({ max_concurrency: 2 }, { hold: true });
    const waiting = await runs(slow, 100);
    await becomes(98, parked, waiting);
    const quick = await runs(await serve({}), 20);
    await becomes(20, succeeded, quick);
    expect(slow.inHand).toBe(2);
    slow.release();
    await becomes(100, succeeded, waiting);
    expect(slow.most).toBe(2);
  });

  it("holds a limit of the account and those of its functions at once", async () => {
    await patchAccount(ledger.db, account.accountId, { max_concurrency: 4 });
    const [one, other] = [
      await serve({ max_concurrency: 3 }, { hold: true }),
      await serve({ max_concurrency: 3 }, { hold: true }),
    ];
    let most = 0;
    onCall = () => {
      most = Math.max(most, one.inHand + other.inHand);
    };
    const ids = (await Promise.all([runs(one, 40), runs(other, 40)])).flat();
    await becomes(76, parked, ids);
    one.release();
    other.release();
    await becomes(80, succeeded, ids);
    expect(Math.max(one.most, other.most)).toBeLessThanOrEqual(3);
    expect(most).toBe(4);
  });

  it("starts no more in any window than the rate limit says", async () => {
    const rate = { starts: 10, per_seconds: 1 };
    const ids = await runs(await serve({ rate_limit: rate }), 35);
    await becomes(35, succeeded, ids);
    const starts = (
      await rowsOf<{ ms: number }>(
        ledger.db,
        sql`select (extract(epoch from started_at) * 1000)::float8 as ms from executions where id = any(${sql.param(ids)}::uuid[])`,
      )
    ).map(({ ms }) => ms);
    for (const from of starts)
      expect(starts.filter((ms) => ms >= from && ms < from + 1_000).length).toBeLessThanOrEqual(10);
  });

  it("goes on after a worker was killed that held places", async () => {
    const fn = await serve({ max_concurrency: 2 }, { hold: true });
    const ids = await runs(fn, 6);
    await becomes(4, parked, ids);
    await expect.poll(() => fn.inHand).toBe(2);
    const [holder] = await rowsOf<{ worker: string }>(
      ledger.db,
      sql`select worker from executions where id = any(${sql.param(ids)}::uuid[]) and status = 'running' limit 1`,
    );
    const victim = processes.find(({ pid }) => holder?.worker.includes(`-${pid}-`)) as AppProcess;
    await victim.kill("SIGKILL");
    processes = [...processes.filter((process) => process !== victim), await startApp("worker", env)];
    fn.release();
    await becomes(6, succeeded, ids);
    expect(fn.most).toBe(2);
  }, 60_000);

  it("takes a change of the limit, a cancellation and a pause while work waits", async () => {
    const fn = await serve({ max_concurrency: 1 }, { hold: true });
    const ids = await runs(fn, 8);
    await becomes(7, parked, ids);
    const patch = (body: Record<string, unknown>) =>
      patchFunction(ledger.db, account.accountId, fn.functionId, patchFunctionBody.parse(body));
    await patch({ max_concurrency: 3 });
    await expect.poll(() => fn.inHand, { timeout: 5_000 }).toBe(3);
    expect(await cancelExecution(ledger.db, account.accountId, ids[6] as string)).toBe("cancelled");
    const [job] = await rowsOf<{ id: string }>(
      ledger.db,
      sql`select job_id as id from executions where id = ${ids[7]}`,
    );
    await pauseJob(ledger.db, account.accountId, job?.id as string);
    await patch({ max_concurrency: null });
    await expect.poll(() => fn.inHand, { timeout: 5_000 }).toBe(6);
    fn.release();
    await becomes(6, succeeded, ids);
    expect(fn.executions).not.toContain(ids[6]);
    expect(fn.executions).not.toContain(ids[7]);
  });

  it("starts one account's executions before the end of another's backlog", async () => {
    const fn = await serve({}, { ms: 100 });
    // As jobs that come due at one moment, without so many calls.
    const jobId = await makeJob(ledger.db, { ...account, functionId: fn.functionId }, { schedule: "0 0 1 1 *" });
    for (let i = 0; i < 3; i++) {
      await ledger.db.execute(sql`
        insert into jobs
        select (jsonb_populate_record(j, jsonb_build_object('id', copy.id, 'name', copy.id, 'next_run', now()))).*
        from jobs j, (select gen_random_uuid() as id from generate_series(1, 1000)) copy where j.id = ${jobId}`);
    }
    await expect.poll(() => fn.executions.length, { timeout: 60_000, interval: 10 }).toBeGreaterThan(200);

    const crowding = account;
    account = await makeAccount(ledger.db);
    const quick = await serve({});
    const ids = await runs(quick, 20);
    await becomes(20, succeeded, ids);
    expect(fn.executions.length).toBeLessThan(2_500);
    await pauseAll(crowding.accountId);
  }, 120_000);

  async function pauseAll(accountId: string): Promise<void> {
    await ledger.db.execute(sql`update jobs set next_run = null, status = 'paused' where account_id = ${accountId}`);
    // Locked in the order of their ids, as by everybody.
    await ledger.db.execute(sql`
      update executions set status = 'skipped', skip_reason = 'paused', held = false, completed_at = now()
      where id in (
        select id from executions where account_id = ${accountId} and status = 'pending' order by id for update
      )`);
  }
}
