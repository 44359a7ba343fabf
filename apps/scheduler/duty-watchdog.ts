import { type Db, databaseNow } from "@belfry/db/client.ts";
import { type DutyRecord, lateSince, readDuties, registerDuties } from "@belfry/db/duties.ts";
import type { SoleDuty } from "@belfry/db/sole-duty.ts";
import type { SystemQueue } from "@belfry/queue/system-queue.ts";
import type { Logger } from "@belfry/service/logger.ts";
import type { Duty } from "./duty.ts";

export type DutyWatchdogOptions = {
  duties: readonly Duty[];
  db: Db;
  queue: SystemQueue;
  /** One scheduler watches at a time. */
  watch: SoleDuty;
  log: Logger;
  /** Does a duty in this process, and is not waited for. */
  performHere: (duty: Duty) => void;
  lateByMs?: number;
};

/** BullMQ hands an iteration out within a second of its time. */
const LATE_BY_MS = 60_000;
/** What fails is tried again here so often at most; the queue comes besides. */
const TRY_AGAIN_MS = 300_000;

type Trouble = { restartedAt: number; doneHere: boolean };

/**
 * Keeps the duties registered, looks for those that have stopped, and starts their job schedulers again; what a restart
 * does not help, and what is late while the queue is away, is done here. Each trouble is one line when it is found and
 * one when it is over, as far as the one who watches can know.
 */
export function createDutyWatchdog(options: DutyWatchdogOptions): { runOnce(): Promise<void> } {
  const { duties, db, queue, watch, log, performHere, lateByMs = LATE_BY_MS } = options;
  let registered = false;
  let queueAway = false;
  const troubles = new Map<string, Trouble>();
  return {
    async runOnce() {
      if (!(await watch.isOurs())) {
        registered = false;
        troubles.clear();
        return;
      }
      if (!registered) await registerDuties(db, duties);
      await registerOnQueue();
      const now = await databaseNow(db);
      for (const record of await readDuties(db, { now, lateByMs })) {
        const duty = duties.find(({ name }) => name === record.name);
        // What takes long has not stopped.
        if (!duty || record.running) continue;
        const since = await stoppedSince(record);
        if (since) await mend(duty, record, since, now);
        else if (troubles.delete(duty.name)) log.info({ duty: duty.name, result: record.result }, "duty goes on again");
      }
    },
  };

  /** Every time, since an emptied queue knows nothing any more. */
  async function registerOnQueue(): Promise<void> {
    try {
      const made = await queue.register(duties);
      if (made.length > 0 && registered) log.warn({ duties: made }, "duties were gone from the queue, and are back");
      else if (made.length > 0) log.info({ duties: made }, "duties registered on the queue");
      if (queueAway) log.info("the system queue is back");
      registered = true;
      queueAway = false;
    } catch (err) {
      if (!queueAway)
        log.warn({ err }, "the system queue does not answer, duties that become late are done without it");
      queueAway = true;
    }
  }

  /** Since when a duty is not done, or its next iteration not begun; null if all is well. */
  async function stoppedSince(record: DutyRecord): Promise<Date | null> {
    if (record.late) return lateSince(record);
    if (queueAway) return null;
    const next = await queue.nextRunAt(record.name).catch(() => null);
    return next !== null && Date.now() - next > lateByMs ? new Date(next) : null;
  }

  async function mend(duty: Duty, record: DutyRecord, since: Date, now: number): Promise<void> {
    const fields = { duty: duty.name, since: since.toISOString(), last_error: record.error };
    const known = troubles.get(duty.name);
    const restartedAt = known?.restartedAt ?? Number.NEGATIVE_INFINITY;
    // Again after an interval: the queue may have been away, or its chain has broken once more.
    if (now - restartedAt > duty.everyMs && (await restarted(duty))) {
      troubles.set(duty.name, { restartedAt: now, doneHere: known?.doneHere ?? false });
      if (!known) log.warn(fields, "duty has stopped, it is started again");
      return;
    }
    // It has been begun: who did it has logged how it failed.
    const begunAt = record.startedAt?.getTime() ?? Number.NEGATIVE_INFINITY;
    if (now - begunAt < Math.min(duty.everyMs, TRY_AGAIN_MS)) return;
    if (!known) log.warn(fields, "duty has stopped, and the queue cannot start it: it is done here");
    else if (!known.doneHere) log.warn(fields, "duty has still stopped after it was started again: it is done here");
    troubles.set(duty.name, { restartedAt, doneHere: true });
    performHere(duty);
  }

  async function restarted(duty: Duty): Promise<boolean> {
    if (queueAway) return false;
    return queue.restart(duty).then(
      () => true,
      () => false,
    );
  }
}
