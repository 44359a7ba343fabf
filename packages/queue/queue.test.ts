import { setTimeout } from "node:timers/promises";
/** Publisher and consumer together, on both backends. */
import type { DispatchedExecution } from "@belfry/contract/message.ts";
import { PRIORITIES, type Priority } from "@belfry/contract/states.ts";
import { createTestDatabase, type TestDatabase } from "@belfry/testing/database.ts";
import { createTestRedis } from "@belfry/testing/redis.ts";
import { startTcpProxy } from "@belfry/testing/tcp-proxy.ts";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openQueues, type QueueBackend } from "./backend.ts";
import { type ConsumerOptions, consume } from "./consumer.ts";
import { migrateQueue } from "./migrate.ts";
import { createPublisher, type Publication } from "./publisher.ts";

describe.each(["redis", "postgres"] as const)("a queue on %s", (kind) => {
  let database: TestDatabase;
  let backend: QueueBackend;
  /** What a test has opened, closed in reverse order. */
  let closing: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    const { url, prefix } = createTestRedis();
    backend = kind === "redis" ? { kind, url, prefix } : { kind, url: database.url };
  });
  afterEach(async () => {
    for (const close of closing.toReversed()) await close();
    closing = [];
  });
  afterAll(() => database.drop());

  /** Each test has a pool of its own, and so a queue. */
  const newPool = () => `pool-${crypto.randomUUID()}`;
  const publication = (pool: string, more: Partial<Publication> = {}): Publication => ({
    executionId: crypto.randomUUID(),
    attempt: 1,
    dispatch: 1,
    accountId: "one",
    pool,
    priority: "medium",
    ...more,
  });
  const ids = (all: readonly { executionId: string }[]) => all.map((p) => p.executionId);

  function publisher(on = backend) {
    const errors: Error[] = [];
    const opened = createPublisher(on, (error) => errors.push(error));
    closing.push(opened.close);
    return { publish: opened.publish, errors };
  }

  /** A consumer that remembers what it was handed, what it handed on or refused, and what went wrong. */
  function consumer(pool: string, options: Partial<ConsumerOptions> = {}) {
    const got: DispatchedExecution[] = [];
    const handedOn: DispatchedExecution[] = [];
    const refused: unknown[] = [];
    const errors: Error[] = [];
    const consumer = consume(backend, pool, {
      concurrency: 10,
      handOn: async (executions) => void handedOn.push(...executions),
      onRefused: (data) => refused.push(data),
      onError: (error) => errors.push(error),
      ...options,
      async handle(message) {
        got.push(message);
        await options.handle?.(message);
      },
    });
    closing.push(consumer.close);
    const received = (n: number) =>
      expect.poll(() => got.length, { timeout: 10_000, interval: 10 }).toBeGreaterThanOrEqual(n);
    return { ...consumer, got, handedOn, refused, errors, received };
  }

  /** How many messages a pool's queue still holds: waiting and being dealt with. */
  function holding(pool: string): Promise<{ waiting: number; active: number }> {
    const queues = openQueues(backend, () => undefined);
    const queue = queues.queue(pool);
    closing.push(queues.close);
    return queue
      .getJobCounts("wait", "prioritized", "active")
      .then(({ wait = 0, prioritized = 0, active = 0 }) => ({ waiting: wait + prioritized, active }));
  }

  it("hands each message to one of several consumers, once", async () => {
    const [pool, { publish, errors }] = [newPool(), publisher()];
    const consumers = [consumer(pool), consumer(pool)];
    const all = Array.from({ length: 300 }, (_, i) =>
      publication(pool, { priority: PRIORITIES[i % 5] as Priority, attempt: 1 + (i % 3) }),
    );
    await Promise.all([publish(all.slice(0, 1)), publish(all.slice(1, 200)), publish(all.slice(200))]);
    const got = () => consumers.flatMap((c) => c.got);
    await expect.poll(() => got().length, { timeout: 15_000 }).toBeGreaterThanOrEqual(300);
    // Nothing is left that could come a second time.
    await expect.poll(() => holding(pool)).toEqual({ waiting: 0, active: 0 });
    const wanted = all.map(({ executionId, attempt }) => ({ executionId, attempt }));
    const order = (a: DispatchedExecution, b: DispatchedExecution) => (a.executionId < b.executionId ? -1 : 1);
    expect(got().sort(order)).toEqual(wanted.sort(order));
    expect([...errors, ...consumers.flatMap((c) => c.errors)]).toEqual([]);
  });

  it("hands over the most urgent first, and equals in their order", async () => {
    const [pool, { publish }] = [newPool(), publisher()];
    const published: Publication[] = [];
    for (const round of [1, 2]) {
      for (const priority of PRIORITIES.toReversed()) published.push(publication(pool, { priority, attempt: round }));
    }
    for (const one of published) await publish([one]);
    const { got, received } = consumer(pool, { concurrency: 1 });
    await received(10);
    const byPriority = PRIORITIES.flatMap((priority) => published.filter((p) => p.priority === priority));
    expect(ids(got)).toEqual(ids(byPriority));
  });

  it("keeps pools apart", async () => {
    const [one, other, { publish }] = [newPool(), newPool(), publisher()];
    const consumers = [consumer(one), consumer(other)];
    const [first, second] = [publication(one), publication(other)];
    await publish([first, second]);
    await Promise.all(consumers.map((c) => c.received(1)));
    expect(consumers.map((c) => ids(c.got))).toEqual([ids([first]), ids([second])]);
  });

  it("ignores a message that it still holds; the next dispatch of it passes", async () => {
    const [pool, { publish }] = [newPool(), publisher()];
    const once = publication(pool);
    await publish([once, once]);
    await publish([once]);
    expect(await holding(pool)).toEqual({ waiting: 1, active: 0 });
    await publish([
      { ...once, dispatch: 2 },
      { ...once, attempt: 2 },
    ]);
    expect(await holding(pool)).toEqual({ waiting: 3, active: 0 });
    const { got, received } = consumer(pool);
    await received(3);
    expect(got.map((m) => m.attempt).sort()).toEqual([1, 1, 2]);
    // And what was dealt with is forgotten: the same dispatch could come again.
    await expect.poll(() => holding(pool)).toEqual({ waiting: 0, active: 0 });
    await publish([once]);
    await received(4);
  });

  it("refuses what is no message of ours, and goes on", async () => {
    const [pool, { publish }] = [newPool(), publisher()];
    const good = publication(pool);
    const forged = [
      { executionId: "' or 1=1", attempt: 1 },
      { ...good, attempt: 0 },
      {},
      { executionId: good.executionId, attempt: 1, url: "http://elsewhere/" },
      { bundle: [] },
      { bundle: Array(1_000).fill({ executionId: good.executionId, attempt: 1 }) },
      { bundle: [{ executionId: good.executionId, attempt: 1 }, { executionId: 7 }] },
    ];
    const queues = openQueues(backend, () => undefined);
    const queue = queues.queue(pool);
    closing.push(queues.close);
    for (const data of forged) await queue.add("execution", data as DispatchedExecution);
    await publish([good]);
    const { got, refused, received } = consumer(pool, { concurrency: 1 });
    await received(1);
    expect(ids(got)).toEqual(ids([good]));
    await expect.poll(() => refused.length).toBe(forged.length);
    await expect.poll(() => holding(pool)).toEqual({ waiting: 0, active: 0 });
  });

  it("drops a message whose handling failed: the ledger decides whether it comes again", async () => {
    const [pool, { publish }] = [newPool(), publisher()];
    const { got, received } = consumer(pool, { handle: () => Promise.reject(new Error("no")) });
    await publish([publication(pool)]);
    await received(1);
    await expect.poll(() => holding(pool)).toEqual({ waiting: 0, active: 0 });
    expect(got).toHaveLength(1);
  });

  it("hands on what still comes when it is paused, and leaves the rest to others", async () => {
    const [pool, { publish }] = [newPool(), publisher()];
    const hold = Promise.withResolvers<void>();
    const paused = consumer(pool, { concurrency: 1, handle: () => hold.promise });
    await publish([publication(pool)]);
    await paused.received(1);
    await paused.pause();
    const left = [publication(pool), publication(pool), publication(pool)];
    await publish(left);
    const other = consumer(pool);
    // It was waiting for the next one when it was paused, and may have got one.
    await expect.poll(() => ids([...paused.handedOn, ...other.got]).sort()).toEqual(ids(left).sort());
    expect(paused.handedOn.length).toBeLessThanOrEqual(1);
    expect(paused.got).toHaveLength(1);
    hold.resolve();
  });

  it("lets a crowd travel in bundles, each execution once, and others by themselves before it", async () => {
    const [pool, { publish }] = [newPool(), publisher()];
    const crowd = Array.from({ length: 345 }, () => publication(pool, { accountId: "crowd" }));
    const others = Array.from({ length: 20 }, () => publication(pool, { accountId: "other", priority: "background" }));
    await publish(crowd);
    await publish(others);
    // A hundred by themselves, one more in each ten milliseconds that this takes, and then tens.
    expect((await holding(pool)).waiting).toBeLessThan(300);
    const { got, received, errors } = consumer(pool, { concurrency: 1 });
    await received(365);
    await expect.poll(() => holding(pool)).toEqual({ waiting: 0, active: 0 });
    const before = got.findIndex(({ executionId }) => executionId === others[0]?.executionId);
    expect(before).toBeGreaterThanOrEqual(100);
    expect(ids(got)).toEqual(ids([...crowd.slice(0, before), ...others, ...crowd.slice(before)]));
    expect(errors).toEqual([]);
  });

  it("carries what is published again by itself, however often", async () => {
    const [pool, { publish }] = [newPool(), publisher()];
    await publish(Array.from({ length: 110 }, () => publication(pool)));
    const { waiting } = await holding(pool);
    const again = Array.from({ length: 10 }, () => publication(pool));
    for (let dispatch = 1; dispatch < 9; dispatch++) await publish(again.map((one) => ({ ...one, dispatch })));
    // A bundle, and two messages for each.
    expect(await holding(pool)).toEqual({ waiting: waiting + 1 + 20, active: 0 });
  });

  it("runs no more at once than it has slots, of bundles as well", async () => {
    const [pool, { publish }] = [newPool(), publisher()];
    let [running, most] = [0, 0];
    const { received } = consumer(pool, {
      concurrency: 4,
      async handle() {
        most = Math.max(most, ++running);
        await setTimeout(1);
        running--;
      },
    });
    await publish(Array.from({ length: 200 }, () => publication(pool)));
    await received(200);
    expect(most).toBe(4);
  });

  it("leaves messages to others when it has no slot for them", async () => {
    const [pool, { publish }] = [newPool(), publisher()];
    const hold = Promise.withResolvers<void>();
    const full = consumer(pool, { concurrency: 2, handle: () => hold.promise });
    await publish(Array.from({ length: 2 }, () => publication(pool)));
    await full.received(2);
    const left = Array.from({ length: 5 }, () => publication(pool));
    await publish(left);
    // Also when it has waited for one in vain.
    await expect.poll(() => holding(pool), { timeout: 5_000 }).toEqual({ waiting: 5, active: 0 });
    const other = consumer(pool);
    await other.received(5);
    expect(ids(other.got)).toEqual(ids(left));
    expect(full.handedOn).toEqual([]);
    hold.resolve();
  });

  it("hands on the rest of a bundle that finds no slots, and fetches nothing more until one is free", async () => {
    const [pool, { publish }] = [newPool(), publisher()];
    const hold = Promise.withResolvers<void>();
    const { got, handedOn, received } = consumer(pool, { concurrency: 103, handle: () => hold.promise });
    const all = Array.from({ length: 140 }, () => publication(pool));
    await publish(all);
    // A hundred by themselves, some of the first bundle, and of the other bundles nothing at all.
    await expect.poll(() => handedOn.length, { timeout: 10_000 }).toBeGreaterThan(0);
    await expect.poll(() => holding(pool)).toMatchObject({ active: 0 });
    expect(got).toHaveLength(103);
    expect(handedOn.length).toBeLessThan(10);
    expect((await holding(pool)).waiting).toBeGreaterThan(1);
    hold.resolve();
    await received(140 - handedOn.length);
    expect(ids([...got, ...handedOn]).sort()).toEqual(ids(all).sort());
  });

  it("refuses to publish within seconds while its server is frozen, and publishes again afterwards", async () => {
    const proxy = await startTcpProxy(backend.url);
    const pool = newPool();
    const { publish } = publisher({ ...backend, url: proxy.url });
    await publish([publication(pool)]);
    proxy.freeze();
    expect(String((await publish([publication(pool)]))[0]?.error)).toMatch(/timed? ?out|longer than/i);
    proxy.thaw();
    const { received } = consumer(pool);
    await expect.poll(() => publish([publication(pool)]), { timeout: 15_000 }).toEqual([]);
    await received(2);
    closing.unshift(proxy.close);
  });

  it("publishes again after its server went away while the queue was being made ready, whenever that was", async () => {
    await Promise.all(
      [0, 5, 10, 15, 20, 25, 30, 40].map(async (ms) => {
        const proxy = await startTcpProxy(backend.url);
        const { publish } = publisher({ ...backend, url: proxy.url });
        await setTimeout(ms);
        await proxy.cut();
        const pool = newPool();
        await publish([publication(pool)]);
        await proxy.restore();
        await expect.poll(() => publish([publication(pool)]), { timeout: 20_000 }).toEqual([]);
        closing.unshift(proxy.close);
      }),
    );
  });

  it("refuses to publish while its server is gone", async () => {
    const proxy = await startTcpProxy(backend.url);
    const pool = newPool();
    const { publish } = publisher({ ...backend, url: proxy.url });
    await publish([publication(pool)]);
    await proxy.cut();
    const [one, other] = [publication(pool), publication(newPool())];
    expect(await publish([one, other])).toMatchObject([
      { pool, publications: [one], error: expect.any(Error) },
      { pool: other.pool, publications: [other], error: expect.any(Error) },
    ]);
    expect(await holding(pool)).toEqual({ waiting: 1, active: 0 });
  });
});

describe("the queue's tables", () => {
  it("are made once, however many ask for it", async () => {
    const { url, drop } = await createTestDatabase();
    await Promise.all(Array.from({ length: 4 }, () => migrateQueue(url)));
    await migrateQueue(url);
    await drop();
  });
});
