/** Schedulers' housekeeping with short periods, on both backends of the queue. */
import { readDuties } from "@belfry/db/duties.ts";
import { openQueues, type QueueBackend, SYSTEM_QUEUE } from "@belfry/queue/backend.ts";
import { createLogger } from "@belfry/service/logger.ts";
import { openTestLedger, type TestLedger } from "@belfry/testing/factories.ts";
import { createTestRedis, type TestRedis } from "@belfry/testing/redis.ts";
import { startTcpProxy } from "@belfry/testing/tcp-proxy.ts";
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Duty } from "./duty.ts";
import { type HousekeepingOptions, startHousekeeping } from "./housekeeping.ts";

const EVERY_MS = 300;
/** A duty of this test that is not done for so long besides twice its interval is late. */
const LATE_BY_MS = 700;
const WATCH_EVERY_MS = 100;

describe.each(["redis", "postgres"] as const)("housekeeping whose queue is on %s", (kind) => {
  let ledger: TestLedger;
  let redis: TestRedis;
  let backend: QueueBackend;
  let closing: (() => Promise<void>)[];

  beforeEach(async () => {
    ledger = await openTestLedger();
    redis = createTestRedis();
    backend = kind === "redis" ? { kind, url: redis.url, prefix: redis.prefix } : { kind, url: ledger.url };
    closing = [];
  });
  afterEach(async () => {
    for (const close of closing.toReversed()) await close();
    await ledger.close();
  });

  /** Housekeeping as one scheduler does it. */
  function scheduler(duties: Duty[], more: Partial<HousekeepingOptions> = {}) {
    const lines: Record<string, unknown>[] = [];
    const log = createLogger("test", "info", { write: (line: string) => void lines.push(JSON.parse(line)) });
    const { stop } = startHousekeeping({
      duties,
      db: ledger.db,
      databaseUrl: ledger.url,
      backend,
      log,
      onError: () => undefined,
      watchEveryMs: WATCH_EVERY_MS,
      lateByMs: LATE_BY_MS,
      ...more,
    });
    let stopped: Promise<void> | undefined;
    const once = () => (stopped ??= stop());
    closing.push(once);
    const said = (msg: string) => lines.filter((line) => line.msg === msg);
    const says = (msg: string) => expect.poll(() => said(msg).length, { timeout: 15_000 }).toBeGreaterThan(0);
    return { lines, said, says, stop: once };
  }
  /** A duty that counts how often it was done, and how often at once. */
  function counted(name = "tidy", everyMs = EVERY_MS) {
    let [times, now, most] = [0, 0, 0];
    const duty: Duty = {
      name,
      everyMs,
      async run() {
        most = Math.max(most, ++now);
        await ledger.db.execute(sql`select pg_sleep(0.02)`);
        now--;
        return `time ${++times}`;
      },
    };
    const done = (more: number) => {
      const wanted = times + more;
      return expect.poll(() => times, { timeout: 15_000 }).toBeGreaterThanOrEqual(wanted);
    };
    return { duty, done, times: () => times, mostAtOnce: () => most };
  }
  const read = async () => (await readDuties(ledger.db))[0];
  /** What FLUSHALL does to Redis. */
  async function wipe(): Promise<void> {
    if (kind === "redis") await redis.flush();
    else await ledger.db.execute(sql`with jobs as (delete from bullmq.job) delete from bullmq.scheduler`);
  }
  /** Again and again: a duty that has just begun puts its next turn also on a queue that was emptied a moment ago. */
  const wipeUntil = (isSeen: () => boolean) =>
    expect.poll(async () => isSeen() || (await wipe()), { timeout: 15_000, interval: 500 }).toBe(true);
  async function onQueue<T>(
    act: (queue: ReturnType<ReturnType<typeof openQueues>["queue"]>) => Promise<T>,
  ): Promise<T> {
    const queues = openQueues(backend, () => undefined);
    try {
      return await act(queues.queue(SYSTEM_QUEUE));
    } finally {
      await queues.close();
    }
  }

  it("does a duty again and again, never twice at once, whoever of several schedulers it is", async () => {
    const { duty, done, times, mostAtOnce } = counted();
    const schedulers = [1, 2, 3].map(() => scheduler([duty]));
    await done(5);
    expect(mostAtOnce()).toBe(1);
    expect(await read()).toMatchObject({
      name: "tidy",
      result: expect.stringMatching(/^time /),
      error: null,
      late: false,
    });
    await Promise.all(schedulers.map(({ stop }) => stop()));
    const lines = schedulers.flatMap(({ lines }) => lines);
    expect(lines.filter(({ msg }) => msg === "duty done")).toHaveLength(times());
    expect(lines.filter(({ level }) => level !== "info")).toEqual([]);
    expect(lines.filter(({ msg }) => msg === "duties registered on the queue")).toHaveLength(1);
  });

  it("goes on after the queue was emptied, and says that duties were gone from it", async () => {
    const { duty, done } = counted();
    const { said } = scheduler([duty]);
    await done(2);
    await wipeUntil(() => said("duties were gone from the queue, and are back").length > 0);
    await done(3);
    expect(said("duties were gone from the queue, and are back")).toMatchObject([{ level: "warn", duties: ["tidy"] }]);
  });

  it("starts a duty again that has stopped, says since when, and that it goes on", async () => {
    const { duty, done } = counted();
    const { says, said } = scheduler([duty]);
    await done(2);
    // The chain breaks: the queue knows it, and hands out nothing for an hour.
    await onQueue(async (queue) => {
      await queue.removeJobScheduler("tidy");
      await queue.upsertJobScheduler("tidy", { every: EVERY_MS, startDate: Date.now() + 3_600_000 });
    });
    await says("duty has stopped, it is started again");
    await done(2);
    await says("duty goes on again");
    expect(said("duty has stopped, it is started again")).toMatchObject([
      { level: "warn", duty: "tidy", since: expect.stringMatching(/Z$/), last_error: null },
    ]);
    expect(said("duty goes on again")).toHaveLength(1);
  });

  it("does without the queue what becomes late while it is away, and says so once", async () => {
    const proxy = await startTcpProxy(backend.url);
    closing.push(proxy.close);
    const { duty, done } = counted();
    const { says, said } = scheduler([duty], { backend: { ...backend, url: proxy.url } });
    await done(2);
    await proxy.cut();
    await says("the system queue does not answer, duties that become late are done without it");
    await says("duty has stopped, and the queue cannot start it: it is done here");
    await done(2);
    expect(said("the system queue does not answer, duties that become late are done without it")).toHaveLength(1);
    await proxy.restore();
    await says("the system queue is back");
    await done(3);
    await says("duty goes on again");
  });

  it("does a duty here when starting it again does not help", async () => {
    const { duty, done } = counted();
    const { says, said } = scheduler([duty]);
    await done(2);
    await onQueue((queue) => queue.pause());
    await says("duty has stopped, it is started again");
    await says("duty has still stopped after it was started again: it is done here");
    await done(2);
    await onQueue((queue) => queue.resume());
    await done(3);
    await says("duty goes on again");
    expect(said("loop failed, trying again")).toEqual([]);
  });

  it("does not take a duty that fails for one that nobody begins, and tells its error", async () => {
    let fails = true;
    const { duty, done } = counted();
    const failing = {
      ...duty,
      run: (signal: AbortSignal) => (fails ? Promise.reject(new Error("no room")) : duty.run(signal)),
    };
    const { says, said } = scheduler([failing]);
    await says("duty has stopped, it is started again");
    expect(said("duty failed")[0]).toMatchObject({ level: "error", duty: "tidy", err: { message: "no room" } });
    expect(said("duty has stopped, it is started again")).toMatchObject([{ last_error: "no room" }]);
    fails = false;
    await done(2);
    await says("duty goes on again");
  });

  it("has one scheduler that watches, and another when that one is gone", async () => {
    const { duty, done } = counted();
    const first = scheduler([duty]);
    await done(1);
    const second = scheduler([duty]);
    await first.stop();
    await wipeUntil(() => second.said("duties registered on the queue").length > 0);
    await done(2);
  });

  it("tells a duty that is under way when the scheduler stops, and does not wait for long", async () => {
    const begun = Promise.withResolvers<AbortSignal>();
    const obedient: Duty = {
      name: "obedient",
      everyMs: 3_600_000,
      run: (signal) => {
        begun.resolve(signal);
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
      },
    };
    const stubborn: Duty = { name: "stubborn", everyMs: 3_600_000, run: () => new Promise(() => undefined) };
    const { stop, said } = scheduler([obedient, stubborn]);
    await begun.promise;
    await expect.poll(async () => (await readDuties(ledger.db)).every(({ running }) => running)).toBe(true);
    await stop();
    expect(said("duty stopped half-way")).toMatchObject([{ level: "info", duty: "obedient" }]);
    expect(said("duties did not end in time, another scheduler will do them")).toHaveLength(1);
  });

  it("refuses duties that it does not know", async () => {
    const { duty, done } = counted();
    const { says } = scheduler([duty]);
    await done(1);
    await onQueue((queue) => queue.add("x", { duty: "of a later version" } as never, { removeOnComplete: true }));
    await says("duty that this version does not know");
    await onQueue((queue) => queue.add("x", { executionId: "x" } as never, { removeOnComplete: true }));
    await says("what came from the system queue is no message of ours");
    await done(1);
  });
});
