import type { Db } from "@belfry/db/client.ts";
import { advanceJobs, completeJobs, lockSettlingJobs, parkJob, type SettlingJob } from "@belfry/db/due-jobs.ts";
import { recordChanges } from "@belfry/db/job-changes.ts";
import { inTransaction } from "@belfry/db/transaction.ts";
import { nextRun } from "@belfry/schedule/next-run.ts";
import type { Logger } from "@belfry/service/logger.ts";

/**
 * Looks at jobs that have no next run and nothing pending or running. One that has had its runs, or whose schedule is
 * over, is completed. One that gave out its last run and got it back, since the check declined, goes on.
 */
export async function settle(db: Db, log: Logger, limit: number): Promise<{ completed: number; resumed: number }> {
  return inTransaction(db, async (tx) => {
    const completed: SettlingJob[] = [];
    const resumed: { jobId: string; nextRun: number; newRuns: 0 }[] = [];
    for (const job of await lockSettlingJobs(tx, limit)) {
      try {
        const hasRunsLeft = job.maxRuns === 0 || job.runCount < job.maxRuns;
        const next = hasRunsLeft ? nextRun(job.scheduleSpec, job.plannedUpTo) : null;
        if (next === null) completed.push(job);
        else resumed.push({ jobId: job.id, nextRun: next, newRuns: 0 });
      } catch (error) {
        log.error({ err: error, job_id: job.id, account_id: job.accountId }, "job cannot be planned and is paused");
        await parkJob(tx, job.id, `its schedule cannot be planned: ${(error as Error).message}`);
      }
    }
    await completeJobs(
      tx,
      completed.map((job) => job.id),
    );
    await advanceJobs(tx, resumed);
    await recordChanges(
      tx,
      resumed.map(({ jobId }) => ({ jobId, kind: "continued", servedUpTo: null })),
    );
    for (const job of completed)
      log.info({ job_id: job.id, account_id: job.accountId, run_count: job.runCount }, "job completed");
    return { completed: completed.length, resumed: resumed.length };
  });
}
