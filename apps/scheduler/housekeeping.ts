import type { Db } from "@belfry/db/client.ts";
import { runDuty } from "@belfry/db/run-duty.ts";
import { soleDuty } from "@belfry/db/sole-duty.ts";
import type { QueueBackend } from "@belfry/queue/backend.ts";
import { consumeSystem, openSystemQueue } from "@belfry/queue/system-queue.ts";
import { withDeadline } from "@belfry/service/deadline.ts";
import type { Logger } from "@belfry/service/logger.ts";
import { startLoop } from "@belfry/service/loop.ts";
import type { Duty } from "./duty.ts";
import { createDutyWatchdog } from "./duty-watchdog.ts";

export type HousekeepingOptions = {
  duties: readonly Duty[];
  db: Db;
  databaseUrl: string;
  backend: QueueBackend;
  log: Logger;
  onError: (error: Error) => void;
  /** How often the watchdog looks, and how much later than twice its interval a duty may be done. */
  watchEveryMs?: number;
  lateByMs?: number;
};

export type Housekeeping = { stop(): Promise<void> };

/** A look costs one query and as many commands as there are duties. */
const WATCH_EVERY_MS = 10_000;
/** A frozen scheduler gives up the watch after this. */
const WATCH_IDLE_MS = 60_000;
/** Any constant that nothing else locks. */
const WATCH_LOCK = 0xbe1fb;
/** What a duty that was told to stop may take to its next stopping place, and then the queue to let go. */
const STOP_MS = 1_500;

/**
 * The cluster's own duties. The system queue says when, each scheduler does what it is handed, under a lock; one of
 * them watches whether everything is done. Trouble with the queue is never the caller's: it is logged, and the watchdog
 * sees to it that duties are done without.
 */
export function startHousekeeping(options: HousekeepingOptions): Housekeeping {
  const { duties, db, databaseUrl, backend, log, onError, watchEveryMs = WATCH_EVERY_MS, lateByMs } = options;
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  const queue = openSystemQueue(backend, onError);
  const watch = soleDuty(databaseUrl, WATCH_LOCK, WATCH_IDLE_MS);
  const consumer = consumeSystem(backend, {
    concurrency: Math.max(1, duties.length),
    async handle(name) {
      const duty = duties.find((one) => one.name === name);
      if (duty) await perform(duty);
      else log.warn({ duty: name }, "duty that this version does not know");
    },
    onRefused: (data) => log.warn({ data }, "what came from the system queue is no message of ours"),
    onError,
  });
  const { runOnce } = createDutyWatchdog({
    duties,
    db,
    queue,
    watch,
    log,
    performHere: (duty) => void perform(duty),
    ...(lateByMs !== undefined && { lateByMs }),
  });
  const loop = startLoop({ name: "housekeeping", everyMs: watchEveryMs, runOnce, log });

  return {
    async stop() {
      stopping.abort(new Error("the scheduler stops"));
      const ending = [consumer.close(), loop.stop(), ...underWay];
      await withDeadline("ending duties", STOP_MS, Promise.allSettled(ending)).catch((err: unknown) =>
        log.warn({ err }, "duties did not end in time, another scheduler will do them"),
      );
      await withDeadline("leaving the system queue", STOP_MS, Promise.allSettled([queue.close(), watch.close()]));
    },
  };

  /** Never throws: what becomes of it is logged, and recorded in the database. */
  async function perform(duty: Duty): Promise<void> {
    const performing = performLogged(duty).finally(() => underWay.delete(performing));
    underWay.add(performing);
    await performing;
  }

  async function performLogged(duty: Duty): Promise<void> {
    if (stopping.signal.aborted) return;
    const begun = performance.now();
    try {
      const done = await runDuty(databaseUrl, duty, (signal) => duty.run(signal), { stopping: stopping.signal });
      const fields = { duty: duty.name, duration_ms: Math.round(performance.now() - begun) };
      if (done.outcome === "done") log.info({ ...fields, result: done.result }, "duty done");
      else if (done.outcome !== "failed") log.debug({ ...fields, outcome: done.outcome }, "duty not needed");
      else if (stopping.signal.aborted) log.info(fields, "duty stopped half-way");
      else log.error({ ...fields, err: done.error }, "duty failed");
    } catch (err) {
      log.warn({ err, duty: duty.name }, "duty could not be begun");
    }
  }
}
