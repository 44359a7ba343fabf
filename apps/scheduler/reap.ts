import type { Db } from "@belfry/db/client.ts";
import { type LostExecution, recordLost } from "@belfry/db/executions.ts";
import { markSilentStopped } from "@belfry/db/workers.ts";
import type { Logger } from "@belfry/service/logger.ts";

/** A worker that was not heard of for this long is lost. Workers report every two seconds. */
export const SILENT_MS = 7_000;
/** How long this reaper has to have watched by itself before it judges: every worker that lives reports twice in it. */
export const WATCH_MS = 5_000;
/** A pause in our own watch of this length means that we may have missed what the workers said. */
const WATCH_GAP_MS = 4_000;

export type Reaper = { runOnce(): Promise<{ workers: string[]; executions: LostExecution[] }> };

/**
 * Ends workers that went silent, and gives what they ran another attempt or ends it. Silence counts only after this
 * reaper has itself watched for a while without a gap: when Postgres comes back after an outage everybody has been
 * silent, and nobody is lost. `now` is a monotonic clock in milliseconds.
 */
export function createReaper(db: Db, log: Logger, now: () => number = () => performance.now()): Reaper {
  let watchingSince = now();
  let lastWatch = watchingSince;
  return {
    async runOnce() {
      const current = now();
      if (current - lastWatch > WATCH_GAP_MS) watchingSince = current;
      const watchedLongEnough = current - watchingSince >= WATCH_MS;
      const workers = watchedLongEnough ? await markSilentStopped(db, SILENT_MS) : [];
      for (const worker of workers) log.warn({ worker }, "worker went silent, what it runs is lost");
      const error = { code: "WORKER_LOST", message: "the worker that ran it went silent" } as const;
      const executions = await recordLost(db, { error, limit: 500 });
      for (const lost of executions) {
        log.warn(
          {
            execution_id: lost.executionId,
            job_id: lost.jobId,
            account_id: lost.accountId,
            attempt: lost.attempt,
            worker: lost.worker,
            status: lost.status,
          },
          "attempt lost",
        );
      }
      lastWatch = now();
      return { workers, executions };
    },
  };
}
