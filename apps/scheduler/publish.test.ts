import type { DispatchedExecution } from "@belfry/contract/message.ts";
import { type Db, openDatabase } from "@belfry/db/client.ts";
import { claimExecutions, insertOccurrences } from "@belfry/db/executions.ts";
import { runJob } from "@belfry/db/jobs.ts";
import { takeForPublish } from "@belfry/db/outbox.ts";
import { inTransaction } from "@belfry/db/transaction.ts";
import type { QueueBackend } from "@belfry/queue/backend.ts";
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
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type PublishTools, publish, publishPending } from "./publish.ts";

let ledger: TestLedger;
let db: Db;
let account: TestAccount;
let proxy: TcpProxy;
let tools: PublishTools;
let lines: string[];
let closing: (() => Promise<void>)[];
let backend: QueueBackend;

// What is due to be published is everybody's, so each test has a database of its own.
beforeEach(async () => {
  ledger = await openTestLedger();
  db = ledger.db;
  account = await makeAccount(db);
  const redis = createTestRedis();
  proxy = await startTcpProxy(redis.url);
  backend = { kind: "redis", url: redis.url, prefix: redis.prefix };
  const publisher = createPublisher({ ...backend, url: proxy.url }, () => undefined);
  lines = [];
  tools = { db, publisher, log: createLogger("test", "warn", { write: (line) => lines.push(line) }) };
  closing = [ledger.close, proxy.close, publisher.close];
});
afterEach(async () => {
  for (const close of closing.toReversed()) await close();
});

const pendingRun = async (): Promise<string> => {
  const jobId = await makeJob(db, account, { schedule: "0 0 1 1 *" });
  return (await runJob(db, account.accountId, jobId))?.executionId as string;
};
const rowOf = async (id: string) =>
  (
    await rowsOf<{ status: string; dispatch: number; waits: number }>(
      db,
      sql`select status, dispatch, extract(epoch from publish_at - now())::float8 as waits from executions where id = ${id}`,
    )
  )[0];

/** What arrives in the default pool. */
function arriving(): DispatchedExecution[] {
  const got: DispatchedExecution[] = [];
  const consumer = consume(backend, "default", {
    concurrency: 1,
    handle: async (m) => void got.push(m),
    handOn: async () => undefined,
    onRefused: () => undefined,
    onError: () => undefined,
  });
  closing.push(consumer.close);
  return got;
}

describe("publishing what waits in the ledger", () => {
  it("puts each execution on the queue, and then leaves it alone for a while", async () => {
    const ids = [await pendingRun(), await pendingRun()];
    expect(await publishPending(tools, 10)).toBe(2);
    expect(await publishPending(tools, 10)).toBe(0);
    const got = arriving();
    await expect.poll(() => got.map((m) => m.executionId).sort()).toEqual(ids.sort());
    expect(await rowOf(ids[0] as string)).toMatchObject({ status: "pending", dispatch: 1 });
    expect((await rowOf(ids[0] as string))?.waits).toBeGreaterThan(5);
  });

  it("takes no more than it is told, the rest the next time", async () => {
    for (let i = 0; i < 5; i++) await pendingRun();
    expect([await publishPending(tools, 3), await publishPending(tools, 3), await publishPending(tools, 3)]).toEqual([
      3, 2, 0,
    ]);
  });

  it("takes those of others together with those of an account that fills what it may take", async () => {
    for (let i = 0; i < 9; i++) await pendingRun();
    account = await makeAccount(db);
    const id = await pendingRun();
    expect(await publishPending(tools, 3)).toBe(4);
    expect(await rowOf(id)).toMatchObject({ dispatch: 1 });
  });

  it("publishes again, under another dispatch number, what nobody has claimed in time", async () => {
    const id = await pendingRun();
    const waits: number[] = [];
    for (const dispatch of [1, 2, 3, 4, 5]) {
      await db.execute(sql`update executions set publish_at = now() - interval '1 second' where id = ${id}`);
      expect(await publishPending(tools, 10)).toBe(1);
      const row = await rowOf(id);
      expect(row).toMatchObject({ dispatch });
      waits.push(Math.round(row?.waits as number));
    }
    expect(waits).toEqual([10, 20, 40, 60, 60]);
    // However often: what waits for long has two messages at most.
    const got = arriving();
    await expect.poll(() => got.length).toBe(2);
  });

  it("leaves alone what was claimed meanwhile, and what somebody else is publishing", async () => {
    const [claimed, taken] = [await pendingRun(), await pendingRun()];
    await claimExecutions(db, await makeWorker(db), [{ executionId: claimed, attempt: 1 }]);
    await inTransaction(db, async (tx) => {
      expect(await takeForPublish(tx, 10)).toMatchObject([{ executionId: taken }]);
      expect(await publishPending(tools, 10)).toBe(0);
    });
  });
});

describe("a queue that takes nothing", () => {
  it("gives the executions back to the ledger, to be published as soon as it does", async () => {
    const id = await pendingRun();
    await proxy.cut();
    expect(await publishPending(tools, 10)).toBe(1);
    expect((await rowOf(id))?.waits).toBeLessThanOrEqual(1);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { msg: expect.stringContaining("the queue did not take executions"), executions: 1 },
    ]);
    await proxy.restore();
    const got = arriving();
    const arrived = async () => {
      await publishPending(tools, 10);
      return new Set(got.map((m) => m.executionId));
    };
    // Twice is possible: what was cut off may have arrived all the same. The claim decides.
    await expect.poll(arrived, { timeout: 15_000, interval: 100 }).toEqual(new Set([id]));
  });

  it("is given up in time when it is frozen", async () => {
    const id = await pendingRun();
    proxy.freeze();
    expect(await publishPending(tools, 10)).toBe(1);
    expect((await rowOf(id))?.waits).toBeLessThanOrEqual(1);
    proxy.thaw();
  });

  it("never makes the caller fail, not even while the ledger is away as well", async () => {
    await pendingRun();
    const dispatches = await takeForPublish(db, 1);
    await proxy.cut();
    const nowhere = openDatabase({
      url: "postgres://127.0.0.1:1/nowhere",
      applicationName: "test",
      onError: () => undefined,
    });
    closing.push(nowhere.close);
    expect(await publish({ ...tools, db: nowhere.db }, dispatches)).toBe(0);
  });
});

it("is what the sweep does after its commit: a skipped occurrence is never published", async () => {
  const jobId = await makeJob(db, account, { schedule: "0 0 1 1 *" });
  const occurrence = { accountId: account.accountId, jobId, functionId: account.functionId };
  await insertOccurrences(
    db,
    [
      { ...occurrence, scheduledFor: 1_000, until: 1_000, count: 1, held: false, startsAt: 1_000, skip: "misfire" },
      { ...occurrence, scheduledFor: 2_000, until: 2_000, count: 1, held: false, startsAt: 2_000, skip: null },
    ],
    { callerPublishes: false },
  );
  expect(await publishPending(tools, 10)).toBe(1);
});
