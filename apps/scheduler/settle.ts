import type { Db } from "@belfry/db/client.ts";
import { lockSettlingJobs, settleJob } from "@belfry/db/due-jobs.ts";
import { nextRun } from "@belfry/schedule/next-run.ts";
import type { Logger } from "@belfry/service/logger.ts";

/**
 * Looks at jobs that have no next run and nothing pending or running. One that has had its runs, or whose schedule is
 * over, is completed. One that gave out its last run and got it back, since the check declined, goes on.
 */
export async function settle(db: Db, log: Logger, limit: number): Promise<{ completed: number; resumed: number }> {
  return db.transaction(async (tx) => {
    const counts = { completed: 0, resumed: 0 };
    for (const job of await lockSettlingJobs(tx, limit)) {
      const hasRunsLeft = job.maxRuns === 0 || job.runCount < job.maxRuns;
      const next = hasRunsLeft ? nextRun(job.scheduleSpec, job.lastScheduledFor ?? job.now) : null;
      await settleJob(tx, job.id, next);
      if (next === null) {
        counts.completed++;
        log.info({ job_id: job.id, account_id: job.accountId, run_count: job.runCount }, "job completed");
      } else {
        counts.resumed++;
      }
    }
    return counts;
  });
}
