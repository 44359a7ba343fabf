import { judgeFailures } from "@belfry/db/auto-pause.ts";
import type { Db } from "@belfry/db/client.ts";
import { msUntilNextDue } from "@belfry/db/due-jobs.ts";
import { msUntilNextPublish } from "@belfry/db/outbox.ts";
import { releaseHeld } from "@belfry/db/overlap.ts";
import { tendGates } from "@belfry/db/tend-gates.ts";
import type { Publisher } from "@belfry/queue/publisher.ts";
import type { Logger } from "@belfry/service/logger.ts";
import { type Loop, startLoop } from "@belfry/service/loop.ts";
import { claimDue } from "./claim-due.ts";
import { claimDueOfOthers } from "./claim-due-of-others.ts";
import { crowding } from "./crowding.ts";
import { publish, publishPending } from "./publish.ts";
import { createReaper } from "./reap.ts";
import { replan } from "./replan.ts";
import { settle } from "./settle.ts";

/** Everything that a scheduler does by itself, and how often at least. Each may run in any number of schedulers at once. */
const PERIODS = {
  sweep: 1_000,
  publish: 1_000,
  reap: 1_000,
  release: 1_000,
  settle: 1_000,
  autoPause: 1_000,
  replan: 1_000,
  gates: 1_000,
} as const;

const SWEEP_BATCH = 1_000;
const PUBLISH_BATCH = 1_000;
const RELEASE_BATCH = 200;
const SETTLE_BATCH = 1_000;
const AUTO_PAUSE_BATCH = 50;
/** What has just come due of others is found at once, however much a crowd has due; */
const OTHERS_EVERY_MS = 100;
/** what came due earlier and was held by somebody, or was made later, only by reading over all that the crowd has due. */
const ALL_OTHERS_EVERY_MS = 1_000;
/** A batch of a crowd takes far less than this. */
const CROWD_MS = 3_000;
/** Publishes under way at most. The sweep waits for one to end when it is that far ahead, and no publish takes long. */
const MAX_PUBLISHING = 8;
/** Something is due that another scheduler holds: it will be done in a moment, or the lock is free again. */
const LOOK_AGAIN_MS = 10;

export type SchedulerTools = { db: Db; publisher: Publisher; log: Logger };

export type Loops = {
  /** Somebody changed something: look at once, everywhere or where the hint says. */
  wake(hint?: string): void;
  all: readonly Loop[];
  /** Resolves when every loop and every publish under way has ended. */
  stop(): Promise<void>;
};

export function startLoops(tools: SchedulerTools): Loops {
  const { db, log } = tools;
  const publishing = new Set<Promise<unknown>>();
  const reaper = createReaper(db, log);

  /** Accounts that had so much due lately that the sweep took several batches of it. */
  let crowd: { accounts: string[]; until: number } = { accounts: [], until: 0 };
  const sweep = startLoop({
    name: "sweep",
    everyMs: PERIODS.sweep,
    log,
    async runOnce(signal) {
      for (let full = true; full && !signal.aborted; ) {
        const { jobs, dispatches } = await claimDue(db, SWEEP_BATCH);
        await publishInBackground(dispatches);
        full = jobs > 0;
        const accounts = crowding(dispatches, SWEEP_BATCH);
        if (accounts.length === 0) continue;
        crowd = { accounts, until: performance.now() + CROWD_MS };
        sweepOthers.wake();
      }
      return until(await msUntilNextDue(db));
    },
  });
  // Beside the sweep, which is busy with the crowd: by turns, each of the others would wait for a batch of it.
  let looked = { lately: Number.NEGATIVE_INFINITY, atAll: Number.NEGATIVE_INFINITY };
  const sweepOthers = startLoop({
    name: "sweep others",
    everyMs: PERIODS.sweep,
    log,
    async runOnce() {
      const now = performance.now();
      if (now > crowd.until) return PERIODS.sweep;
      const atAll = now - looked.atAll >= ALL_OTHERS_EVERY_MS;
      const dueWithinMs = atAll ? null : now - looked.lately + OTHERS_EVERY_MS;
      const { jobs, dispatches } = await claimDueOfOthers(db, SWEEP_BATCH, crowd.accounts, dueWithinMs);
      const isAll = jobs < SWEEP_BATCH;
      looked = { lately: now, atAll: isAll ? (atAll ? now : looked.atAll) : Number.NEGATIVE_INFINITY };
      inBackground(dispatches);
      return isAll ? OTHERS_EVERY_MS : 0;
    },
  });
  const publishLoop = startLoop({
    name: "publish",
    everyMs: PERIODS.publish,
    log,
    async runOnce() {
      await publishPending(tools, PUBLISH_BATCH);
      return until(await msUntilNextPublish(db));
    },
  });
  const reap = startLoop({
    name: "reap",
    everyMs: PERIODS.reap,
    log,
    async runOnce() {
      if ((await reaper.runOnce()).executions.length === 0) return;
      publishLoop.wake();
      gates.wake();
    },
  });
  const settleLoop = startLoop({
    name: "settle",
    everyMs: PERIODS.settle,
    log,
    async runOnce() {
      const { completed, resumed } = await settle(db, log, SETTLE_BATCH);
      if (resumed > 0) sweep.wake();
      return completed + resumed === SETTLE_BATCH ? 0 : PERIODS.settle;
    },
  });

  const release = startLoop({
    name: "release",
    everyMs: PERIODS.release,
    log,
    async runOnce() {
      if ((await releaseHeld(db, RELEASE_BATCH)) > 0) publishLoop.wake();
    },
  });

  const autoPause = startLoop({
    name: "auto-pause",
    everyMs: PERIODS.autoPause,
    log,
    async runOnce() {
      const { judged, paused, unjudged } = await judgeFailures(db, AUTO_PAUSE_BATCH);
      for (const { jobId, jobName, accountId, reason } of paused)
        log.warn({ job_id: jobId, job_name: jobName, account_id: accountId, reason }, "job paused, it keeps failing");
      for (const { jobId, error } of unjudged)
        log.warn({ err: error, job_id: jobId }, "job that keeps failing could not be paused, trying again");
      return judged === AUTO_PAUSE_BATCH ? 0 : PERIODS.autoPause;
    },
  });

  const replanLoop = startLoop({
    name: "replan",
    everyMs: PERIODS.replan,
    log,
    runOnce: async (signal) => ((await replan(db, log, signal)) > 0 ? 0 : PERIODS.replan),
  });

  const gates = startLoop({
    name: "gates",
    everyMs: PERIODS.gates,
    log,
    async runOnce() {
      const { released, nextInMs } = await tendGates(db);
      if (released > 0) publishLoop.wake();
      return until(nextInMs);
    },
  });

  const all = [sweep, sweepOthers, publishLoop, reap, release, settleLoop, autoPause, replanLoop, gates];
  return {
    wake(hint) {
      // At a gate these come often, and the others would look in vain.
      if (hint === "publish") return publishLoop.wake();
      if (hint === "gates") return gates.wake();
      sweep.wake();
      publishLoop.wake();
      release.wake();
      autoPause.wake();
      replanLoop.wake();
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

  async function publishInBackground(dispatches: Parameters<typeof publish>[1]): Promise<void> {
    if (dispatches.length === 0) return;
    if (publishing.size >= MAX_PUBLISHING) await Promise.race(publishing);
    inBackground(dispatches);
  }

  function inBackground(dispatches: Parameters<typeof publish>[1]): void {
    if (dispatches.length === 0) return;
    const sending = publish(tools, dispatches).finally(() => publishing.delete(sending));
    publishing.add(sending);
  }
}
