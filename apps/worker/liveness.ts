import { type Db, openDatabase } from "@belfry/db/client.ts";
import { recordLost } from "@belfry/db/executions.ts";
import { CANCEL_CHANNEL, listen } from "@belfry/db/listen.ts";
import { heartbeat } from "@belfry/db/workers.ts";
import type { Logger } from "@belfry/service/logger.ts";
import { startLoop } from "@belfry/service/loop.ts";
import { rateLimited } from "@belfry/service/rate-limited.ts";
import { type Running, StopReason } from "./running.ts";

const HEARTBEAT_MS = 2_000;
/** A connection that has gone dead has to be found out and replaced before the silence counts. */
const DEADLINE_MS = 2_000;

/**
 * Says every two seconds that this worker lives, on a connection of its own, so that a busy pool cannot make it look
 * dead; and stops what somebody has cancelled. `onLost` is called once, when the cluster has counted it as lost.
 */
export function startLiveness({
  url,
  worker,
  running,
  log,
  onLost,
}: {
  url: string;
  worker: string;
  running: Running;
  log: Logger;
  onLost: () => void;
}): { stop(): Promise<void>; lastRunAt(): number | null } {
  const onError = rateLimited((error: Error) => log.warn({ err: error }, "heartbeat connection trouble"));
  const database = openDatabase({
    url,
    max: 1,
    applicationName: "belfry worker heartbeat",
    onError,
    keepPlans: true,
    deadlineMs: DEADLINE_MS,
  });
  let lost = false;
  const loop = startLoop({ name: "heartbeat", everyMs: HEARTBEAT_MS, log, runOnce: () => beat(database.db) });
  const cancels = listen(url, CANCEL_CHANNEL, { onNotify: stopCancelled, onError });

  return {
    lastRunAt: loop.lastRunAt,
    async stop() {
      await Promise.all([loop.stop(), cancels.close()]);
      await database.close();
    },
  };

  async function beat(db: Db): Promise<void> {
    const { alive, cancelled, claimed } = await heartbeat(db, worker);
    if (!alive && !lost) {
      lost = true;
      onLost();
    }
    // The notification is the fast way; it may have been missed.
    for (const executionId of cancelled) stopCancelled(executionId);
    await recordForgotten(
      db,
      claimed.filter((executionId) => !running.has(executionId)),
    );
  }

  /** Rows that are ours and that we do not run: the answer to a claim was cut off, or a verdict could not be written. */
  async function recordForgotten(db: Db, executionIds: string[]): Promise<void> {
    if (executionIds.length === 0) return;
    const error = { code: "WORKER_LOST", message: "the worker that claimed it lost track of it" } as const;
    const lost = await recordLost(db, { error, limit: 1_000, of: { worker, executionIds } });
    log.warn({ executions: lost.length }, "executions that this worker claimed and does not run are recorded as lost");
  }

  function stopCancelled(executionId: string): void {
    running.stop(executionId, new StopReason("CANCELLED", "cancelled while it ran"));
  }
}
