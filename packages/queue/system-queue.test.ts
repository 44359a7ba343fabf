/** Job Schedulers of BullMQ, on both backends. */
import type { DutyMessage } from "@belfry/contract/message.ts";
import { createTestDatabase, type TestDatabase } from "@belfry/testing/database.ts";
import { createTestRedis, type TestRedis } from "@belfry/testing/redis.ts";
import { startTcpProxy } from "@belfry/testing/tcp-proxy.ts";
import { Redis } from "ioredis";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openQueues, type QueueBackend, SYSTEM_QUEUE } from "./backend.ts";
import { consume } from "./consumer.ts";
import { consumeSystem, openSystemQueue, type Recurring } from "./system-queue.ts";

const HOUR = 3_600_000;

describe.each(["redis", "postgres"] as const)("the system queue on %s", (kind) => {
  let database: TestDatabase;
  let redis: TestRedis;
  let backend: QueueBackend;
  let closing: (() => Promise<void>)[];

  beforeEach(async () => {
    database = await createTestDatabase();
    redis = createTestRedis();
    backend = kind === "redis" ? { kind, url: redis.url, prefix: redis.prefix } : { kind, url: database.url };
    closing = [];
  });
  afterEach(async () => {
    for (const close of closing.toReversed()) await close();
    await database.drop();
  });

  function open(on = backend) {
    const opened = openSystemQueue(on, () => undefined);
    closing.push(opened.close);
    return opened;
  }
  /** BullMQ's own view of the queue. */
  function raw() {
    const queues = openQueues<DutyMessage>(backend, () => undefined);
    closing.push(queues.close);
    return queues.queue(SYSTEM_QUEUE);
  }
  function consumer() {
    const got: string[] = [];
    const refused: unknown[] = [];
    const { close } = consumeSystem(backend, {
      concurrency: 4,
      handle: async (name) => void got.push(name),
      onRefused: (data) => void refused.push(data),
      onError: () => undefined,
    });
    let closed: Promise<void> | undefined;
    const stop = () => (closed ??= close());
    closing.push(stop);
    const count = (name: string) => got.filter((one) => one === name).length;
    const received = (name: string, times: number) =>
      expect.poll(() => count(name), { timeout: 10_000, interval: 10 }).toBeGreaterThanOrEqual(times);
    return { got, refused, count, received, stop };
  }
  /** What FLUSHALL does to Redis. */
  async function wipe(sql = "delete from bullmq.job; delete from bullmq.scheduler"): Promise<void> {
    if (kind === "redis") return void (await redis.flush());
    const client = new pg.Client(database.url);
    await client.connect();
    await client.query(sql);
    await client.end();
  }
  const duty = (name: string, everyMs = HOUR): Recurring => ({ name, everyMs });

  it("hands out what was registered: at once, and then again and again", async () => {
    const queue = open();
    expect(await queue.register([duty("hourly"), duty("often", 100)])).toEqual(["hourly", "often"]);
    const { count, received } = consumer();
    await received("often", 4);
    await received("hourly", 1);
    expect(count("hourly")).toBe(1);
    expect(((await queue.nextRunAt("hourly")) as number) - Date.now()).toBeGreaterThan(HOUR / 2);
    expect(await queue.nextRunAt("nobody")).toBeNull();
  });

  it("keeps nothing of what was done", async () => {
    await open().register([duty("often", 50)]);
    const { received, stop } = consumer();
    await received("often", 3);
    await stop();
    await expect
      .poll(() => raw().getJobCounts("active", "completed", "failed"))
      .toEqual({ active: 0, completed: 0, failed: 0 });
  });

  it("leaves alone what recurs already, takes over a new interval, and ends what is no duty any more", async () => {
    const queue = open();
    const { received, count } = consumer();
    await queue.register([duty("hourly"), duty("old")]);
    await received("hourly", 1);
    const next = await queue.nextRunAt("hourly");
    expect(await queue.register([duty("hourly"), duty("old")])).toEqual([]);
    expect(await queue.nextRunAt("hourly")).toBe(next);
    expect(count("hourly")).toBe(1);
    expect(await queue.register([duty("hourly", 100)])).toEqual(["hourly"]);
    await received("hourly", 4);
    expect(await queue.nextRunAt("old")).toBeNull();
    expect(await raw().getDelayedCount()).toBeLessThanOrEqual(1);
  });

  it("makes one chain of each, however many register at once", async () => {
    const queues = Array.from({ length: 6 }, () => open());
    const wanted = [duty("a", 1_000), duty("b", 1_000)];
    for (let round = 0; round < 3; round++) {
      await Promise.all(queues.map((queue) => queue.register(wanted)));
      expect((await raw().getJobSchedulers()).map(({ key, every }) => [key, every]).sort()).toEqual([
        ["a", 1_000],
        ["b", 1_000],
      ]);
      const { received, stop } = consumer();
      // Again and again: none of the chains has broken.
      await received("a", 3);
      await received("b", 3);
      await stop();
      // One to come of each, and not six. What came twice at first has no successors, and may still wait to be done.
      const { delayed = 0, wait = 0 } = await raw().getJobCounts("delayed", "wait");
      expect(delayed + wait).toBeLessThanOrEqual(4);
      await wipe();
    }
  });

  it("goes on when somebody restarts a duty, or registers it, while it is being done", async () => {
    const queue = open();
    const held = Promise.withResolvers<void>();
    const got: string[] = [];
    closing.push(
      consumeSystem(backend, {
        concurrency: 4,
        async handle(name) {
          got.push(name);
          if (got.length === 1) await held.promise;
        },
        onRefused: () => undefined,
        onError: () => undefined,
      }).close,
    );
    await queue.register([duty("long", 300)]);
    await expect.poll(() => got.length, { interval: 10 }).toBe(1);
    await queue.restart(duty("long", 300));
    await queue.register([duty("long", 300)]);
    await expect.poll(() => got.length, { timeout: 10_000 }).toBeGreaterThan(3);
    held.resolve();
    await expect.poll(() => got.length, { timeout: 10_000 }).toBeGreaterThan(6);
  });

  it("tells what stands still, which a restart mends", async () => {
    const queue = open();
    const { received, stop } = consumer();
    await queue.register([duty("often", 200)]);
    await received("often", 2);
    await stop();
    // The chain breaks: the next iteration is gone, and nothing will make another.
    await wipeJobs();
    const stopped = consumer();
    await expect.poll(async () => Date.now() - ((await queue.nextRunAt("often")) as number)).toBeGreaterThan(300);
    expect(stopped.got).toEqual([]);
    expect(await queue.register([duty("often", 200)])).toEqual([]);
    await queue.restart(duty("often", 200));
    await stopped.received("often", 3);
  });
  /** BullMQ refuses to remove an iteration to come without its scheduler. */
  async function wipeJobs(): Promise<void> {
    if (kind === "postgres") return wipe("delete from bullmq.job");
    const client = new Redis(redis.url);
    await client.del(raw().toKey("delayed"), raw().toKey("wait"));
    client.disconnect();
  }

  it("is made anew by the next who registers after it was emptied", async () => {
    const queue = open();
    const { received } = consumer();
    await queue.register([duty("hourly")]);
    await received("hourly", 1);
    await wipe();
    expect(await queue.nextRunAt("hourly")).toBeNull();
    expect(await queue.register([duty("hourly")])).toEqual(["hourly"]);
    await received("hourly", 2);
  });

  it("refuses what is no message of ours, and goes on", async () => {
    const { got, refused, received } = consumer();
    for (const data of [{}, { duty: "" }, { duty: 1 }, { duty: "x".repeat(64) }, { duty: "x", url: "http://else/" }])
      await raw().add("x", data as DutyMessage, { removeOnComplete: true });
    await open().register([duty("hourly")]);
    await received("hourly", 1);
    await expect.poll(() => refused.length).toBe(5);
    expect(got).toEqual(["hourly"]);
  });

  it('is not the queue of a pool named "system"', async () => {
    const refused: unknown[] = [];
    const ofPool = consume(backend, "system", {
      concurrency: 1,
      handle: async () => undefined,
      handOn: async () => undefined,
      onRefused: (data) => void refused.push(data),
      onError: () => undefined,
    });
    closing.push(ofPool.close);
    await open().register([duty("hourly")]);
    await consumer().received("hourly", 1);
    expect(refused).toEqual([]);
  });

  it("says so within seconds while its server is frozen, and works again afterwards", async () => {
    const proxy = await startTcpProxy(backend.url);
    const queue = open({ ...backend, url: proxy.url });
    await queue.register([duty("hourly")]);
    proxy.freeze();
    await expect(queue.nextRunAt("hourly")).rejects.toThrow(/timed? ?out|longer than/i);
    proxy.thaw();
    await expect.poll(() => queue.register([duty("hourly")]).catch(String), { timeout: 20_000 }).toEqual([]);
    closing.unshift(proxy.close);
  });
});
