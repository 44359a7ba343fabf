import { planOccurrences } from "@belfry/schedule/plan-occurrences.ts";
import type { Db } from "./client.ts";
import { type Advance, advanceJobs, type DueJob } from "./due-jobs.ts";
import { type Dispatch, insertOccurrences, type NewOccurrence } from "./executions.ts";

/** Rows that one sweep writes at most, give or take one a job: after a long outage a sweep stays short, and the next goes on. */
const MAX_OCCURRENCES = 5_000;

/**
 * Writes the occurrences of locked jobs that are due at `now` and moves each job on, in one transaction of the
 * caller's: an occurrence is in the ledger if and only if its job has gone past it. Returns what is to be put on the
 * queue once that has committed.
 */
export async function recordDue(
  tx: Db,
  jobs: readonly DueJob[],
  now: number,
  { callerPublishes }: { callerPublishes: boolean },
): Promise<Dispatch[]> {
  const limit = Math.max(1, Math.floor(MAX_OCCURRENCES / Math.max(1, jobs.length)));
  const occurrences: NewOccurrence[] = [];
  const runBy: (DueJob | null)[] = [];
  const advances: Advance[] = [];
  for (const job of jobs) {
    const runsLeft = job.maxRuns === 0 ? Number.POSITIVE_INFINITY : job.maxRuns - job.runCount;
    const plan = planOccurrences(job.scheduleSpec, { nextRun: job.nextRun, now, runsLeft, limit });
    for (const { scheduledFor, skip } of plan.occurrences) {
      occurrences.push({ accountId: job.accountId, jobId: job.id, functionId: job.functionId, scheduledFor, skip });
      runBy.push(skip === null ? job : null);
    }
    advances.push({ jobId: job.id, nextRun: plan.nextRun, newRuns: plan.runs });
  }
  const ids = await insertOccurrences(tx, occurrences, { callerPublishes });
  await advanceJobs(tx, advances);
  return ids.flatMap((executionId, i) => {
    const job = runBy[i];
    return job ? [{ executionId, attempt: 1, dispatch: 1, pool: job.pool, priority: job.priority }] : [];
  });
}
