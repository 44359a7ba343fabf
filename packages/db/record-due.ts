import { type Plan, planOccurrences } from "@belfry/schedule/plan-occurrences.ts";
import type { Db } from "./client.ts";
import { advanceJobs, type DueJob, parkJob } from "./due-jobs.ts";
import { insertOccurrences, type NewOccurrence } from "./executions.ts";
import type { Dispatch } from "./outbox.ts";

/** Rows that one sweep writes at most, give or take those of one job: however long the outage, a sweep stays short. */
const MAX_ROWS = 10_000;
/** Instants that one sweep looks at in a job at most: some 30 ms. A job that has more goes on in the next sweep. */
const MAX_INSTANTS = 20_000;

/**
 * Writes the occurrences of locked jobs that are due at `now` and moves each job on, in one transaction of the
 * caller's: an occurrence is in the ledger if and only if its job has gone past it. A job that cannot be planned is
 * paused with the reason and does not hold up the others. Returns how many jobs it dealt with, which is less than all
 * when there was very much to write, and what is to be put on the queue once the transaction has committed.
 */
export async function recordDue(
  tx: Db,
  jobs: readonly DueJob[],
  now: number,
  { callerPublishes }: { callerPublishes: boolean },
): Promise<{ jobs: number; dispatches: Dispatch[] }> {
  const planned = planAll(jobs, now);
  for (const { job, reason } of planned.broken) await parkJob(tx, job.id, reason);
  const occurrences = planned.plans.flatMap(({ job, plan }) => plan.occurrences.map((o) => toRow(job, o)));
  const written = await insertOccurrences(tx, occurrences, { callerPublishes });

  const toRun = written.filter((o) => o.skip === null);
  const runs = Map.groupBy(toRun, (o) => o.jobId);
  await advanceJobs(
    tx,
    planned.plans.map(({ job, plan }) => ({
      jobId: job.id,
      nextRun: plan.next,
      newRuns: runs.get(job.id)?.length ?? 0,
    })),
  );
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const dispatches = toRun.map(({ id, jobId }) => {
    const { pool, priority } = byId.get(jobId) as DueJob;
    return { executionId: id, attempt: 1, dispatch: 1, pool, priority };
  });
  return { jobs: planned.plans.length + planned.broken.length, dispatches };
}

type Planned = { plans: { job: DueJob; plan: Plan }[]; broken: { job: DueJob; reason: string }[] };

function planAll(jobs: readonly DueJob[], now: number): Planned {
  const planned: Planned = { plans: [], broken: [] };
  let rows = 0;
  for (const job of jobs) {
    if (rows >= MAX_ROWS) break;
    const runsLeft = job.maxRuns === 0 ? Number.POSITIVE_INFINITY : job.maxRuns - job.runCount;
    try {
      const plan = planOccurrences(job.scheduleSpec, { from: job.nextRun, now, runsLeft, limit: MAX_INSTANTS });
      planned.plans.push({ job, plan });
      rows += plan.occurrences.length;
    } catch (error) {
      // A time zone that this runtime does not know any more, a schedule written by a newer version, …
      planned.broken.push({ job, reason: `its schedule cannot be planned: ${(error as Error).message}` });
    }
  }
  return planned;
}

function toRow(job: DueJob, occurrence: Plan["occurrences"][number]): NewOccurrence {
  return { accountId: job.accountId, jobId: job.id, functionId: job.functionId, ...occurrence };
}
