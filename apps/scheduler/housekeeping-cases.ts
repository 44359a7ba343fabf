/** Housekeeping of a real scheduler process. A test file for each backend of the queue, so that both run at once. */
import { readDuties } from "@belfry/db/duties.ts";
import { openSystemQueue } from "@belfry/queue/system-queue.ts";
import { openTestLedger, type TestLedger } from "@belfry/testing/factories.ts";
import { type AppProcess, startApp } from "@belfry/testing/processes.ts";
import { createTestRedis, type TestRedis } from "@belfry/testing/redis.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";

export function describeHousekeeping(kind: "redis" | "postgres"): void {
  let ledger: TestLedger;
  let redis: TestRedis;
  let env: Record<string, string>;
  let scheduler: AppProcess;

  beforeAll(async () => {
    ledger = await openTestLedger();
    redis = createTestRedis();
    env = {
      DATABASE_URL: ledger.url,
      ...(kind === "redis" && { REDIS_URL: redis.url }),
      BELFRY_QUEUE_PREFIX: redis.prefix,
    };
    scheduler = await startApp("scheduler", env);
  });
  afterAll(async () => {
    await scheduler.kill("SIGKILL");
    await ledger.close();
  });

  const areDone = () =>
    expect
      .poll(
        async () => (await readDuties(ledger.db)).map(({ name, doneAt, late }) => ({ name, done: !!doneAt, late })),
        {
          timeout: 30_000,
        },
      )
      .toSatisfy(
        (duties: { done: boolean; late: boolean }[]) => duties.length > 1 && duties.every((d) => d.done && !d.late),
      );
  const says = (msg: string) =>
    expect.poll(() => scheduler.log.filter((line) => line.msg === msg).length, { timeout: 30_000 }).toBeGreaterThan(0);
  /** What FLUSHALL does to Redis. */
  async function wipe(): Promise<void> {
    if (kind === "redis") await redis.flush();
    else await ledger.db.execute(sql`with jobs as (delete from bullmq.job) delete from bullmq.scheduler`);
  }
  /** As if nobody had done anything for hours. */
  const makeLate = () =>
    ledger.db.execute(sql`
      update duties set registered_at = registered_at - interval '9 hours', started_at = started_at - interval '9 hours',
        done_at = done_at - interval '9 hours'`);

  it("does every duty at the start", async () => {
    await areDone();
  });

  it("has them back on the queue after it was emptied, and does what had become late", async () => {
    await wipe();
    await makeLate();
    await says("duties were gone from the queue, and are back");
    await areDone();
    const queue = openSystemQueue(
      kind === "redis" ? { kind, url: redis.url, prefix: redis.prefix } : { kind, url: ledger.url },
      () => undefined,
    );
    for (const { name } of await readDuties(ledger.db))
      expect(await queue.nextRunAt(name)).toBeGreaterThan(Date.now() + 60_000);
    await queue.close();
  });

  it("starts again what has stopped, says since when, and when it goes on", async () => {
    await makeLate();
    await says("duty has stopped, it is started again");
    await areDone();
    await says("duty goes on again");
    expect(scheduler.log.find(({ msg }) => msg === "duty has stopped, it is started again")).toMatchObject({
      level: "warn",
      duty: expect.any(String),
      since: expect.stringMatching(/Z$/),
    });
  });

  it("stops as it should", async () => {
    expect(await scheduler.kill("SIGTERM")).toEqual({ code: 0, signal: null });
    expect(scheduler.log.filter(({ level }) => level === "error" || level === "fatal")).toEqual([]);
  });
}
