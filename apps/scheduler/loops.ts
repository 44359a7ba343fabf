import type { Db } from "@belfry/db/client.ts";
import { msUntilNextDue } from "@belfry/db/due-jobs.ts";
import { msUntilNextPublish } from "@belfry/db/executions.ts";
import type { Publisher } from "@belfry/queue/publisher.ts";
import type { Logger } from "@belfry/service/logger.ts";
import { type Loop, startLoop } from "@belfry/service/loop.ts";
import { claimDue } from "./claim-due.ts";
import { publish, publishPending } from "./publish.ts";
import { createReaper } from "./reap.ts";
import { settle } from "./settle.ts";

/** Everything that a scheduler does by itself, and how often at least. Each may run in any number of schedulers at once. */
const PERIODS = { sweep: 1_000, publish: 1_000, reap: 1_000, settle: 1_000 } as const;

const SWEEP_BATCH = 1_000;
const PUBLISH_BATCH = 1_000;
const SETTLE_BATCH = 200;
/** Publishes under way at most: a queue that hangs must not hold up the sweep, the ledger keeps what is not published. */
const MAX_PUBLISHING = 8;
/** Something is due that another scheduler holds: it will be done in a moment, or the lock is free again. */
const LOOK_AGAIN_MS = 10;

export type SchedulerTools = { db: Db; publisher: Publisher; log: Logger };

export type Loops = {
  /** Somebody changed something: look at once. */
  wake(): void;
  all: readonly Loop[];
  /** Resolves when every loop and every publish under way has ended. */
  stop(): Promise<void>;
};

export function startLoops(tools: SchedulerTools): Loops {
  const { db, log } = tools;
  const publishing = new Set<Promise<unknown>>();
  const reaper = createReaper(db, log);

  const sweep = startLoop({
    name: "sweep",
    everyMs: PERIODS.sweep,
    log,
    async runOnce(signal) {
      for (let full = true; full && !signal.aborted; ) {
        const { jobs, dispatches } = await claimDue(db, SWEEP_BATCH);
        publishInBackground(dispatches);
        full = jobs === SWEEP_BATCH;
      }
      return until(await msUntilNextDue(db));
    },
  });
  const publishLoop = startLoop({
    name: "publish",
    everyMs: PERIODS.publish,
    log,
    async runOnce() {
      const published = await publishPending(tools, PUBLISH_BATCH);
      // A queue that takes nothing is left alone for a while.
      return published === null ? PERIODS.publish : until(await msUntilNextPublish(db));
    },
  });
  const reap = startLoop({
    name: "reap",
    everyMs: PERIODS.reap,
    log,
    async runOnce() {
      if ((await reaper.runOnce()).executions.length > 0) publishLoop.wake();
    },
  });
  const settleLoop = startLoop({
    name: "settle",
    everyMs: PERIODS.settle,
    log,
    async runOnce() {
      if ((await settle(db, log, SETTLE_BATCH)).resumed > 0) sweep.wake();
    },
  });

  const all = [sweep, publishLoop, reap, settleLoop];
  return {
    wake() {
      sweep.wake();
      publishLoop.wake();
    },
    all,
    async stop() {
      await Promise.all(all.map((loop) => loop.stop()));
      await Promise.all(publishing);
    },
  };

  /** How long to sleep until the database has something for us. */
  function until(ms: number | null): number {
    if (ms === null) return Number.POSITIVE_INFINITY;
    return ms <= 0 ? LOOK_AGAIN_MS : Math.ceil(ms);
  }

  function publishInBackground(dispatches: Parameters<typeof publish>[1]): void {
    if (dispatches.length === 0 || publishing.size >= MAX_PUBLISHING) return;
    const sending = publish(tools, dispatches).finally(() => publishing.delete(sending));
    publishing.add(sending);
  }
}
