import { type AdmissionVerdict, admit } from "@belfry/schedule/admit.ts";
import { nextFound } from "@belfry/schedule/next-run.ts";
import { type Plan, planOccurrences } from "@belfry/schedule/plan-occurrences.ts";
import { startDelay } from "@belfry/schedule/spread.ts";
import type { Db } from "./client.ts";
import { advanceJobs, type DueJob, parkJob } from "./due-jobs.ts";
import { insertOccurrences, type NewOccurrence } from "./executions.ts";
import { recordChanges } from "./job-changes.ts";
import type { Dispatch } from "./outbox.ts";
import { admitAll } from "./overlap.ts";

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
  const { plans, broken } = planAll(jobs, now);
  for (const { job, reason } of broken) await parkJob(tx, job.id, reason);
  const admitted = await admitAll(
    tx,
    plans.map(({ job, plan }) => ({ jobId: job.id, overlap: job.overlap, count: runsOf(plan) })),
  );
  const rows = plans.flatMap(({ job, plan }) => toRows(job, plan, admitted.get(job.id) ?? []));
  const written = await insertOccurrences(tx, rows, { callerPublishes });

  const runs = Map.groupBy(
    written.filter((row) => row.skip === null),
    (row) => row.jobId,
  );
  const advances = plans.map(({ job, plan }) => {
    const newRuns = runs.get(job.id)?.length ?? 0;
    const servedUpTo = plan.occurrences.at(-1)?.until ?? job.nextRun - 1;
    return { jobId: job.id, nextRun: nextOf(job, plan, newRuns), newRuns, servedUpTo };
  });
  await advanceJobs(tx, advances);
  const exhausted = advances.filter(({ nextRun }) => nextRun === null);
  await recordChanges(
    tx,
    exhausted.map(({ jobId, servedUpTo }) => ({ jobId, kind: "exhausted", servedUpTo })),
    now,
  );
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const dispatches = written
    .filter(({ published }) => published)
    .map(({ id, jobId }) => {
      const { accountId, pool, priority } = byId.get(jobId) as DueJob;
      return { executionId: id, attempt: 1, dispatch: 1, accountId, pool, priority };
    });
  return { jobs: plans.length + broken.length, dispatches };
}

type Planned = { plans: { job: DueJob; plan: Plan }[]; broken: { job: DueJob; reason: string }[] };

function planAll(jobs: readonly DueJob[], now: number): Planned {
  const planned: Planned = { plans: [], broken: [] };
  let rows = 0;
  for (const job of jobs) {
    if (rows >= MAX_ROWS) break;
    try {
      const options = { from: job.nextRun, now, runsLeft: runsLeftOf(job), limit: MAX_INSTANTS, misfire: job.misfire };
      const plan = planOccurrences(job.scheduleSpec, options);
      admit(job.overlap, { running: 0, held: 0 }, 0); // A policy that this version does not know is found out here.
      planned.plans.push({ job, plan });
      rows += plan.occurrences.length;
    } catch (error) {
      // A time zone that this runtime does not know any more, a schedule written by a newer version, …
      planned.broken.push({ job, reason: `its schedule cannot be planned: ${(error as Error).message}` });
    }
  }
  return planned;
}

const runsLeftOf = ({ maxRuns, runCount }: DueJob): number =>
  maxRuns === 0 ? Number.POSITIVE_INFINITY : maxRuns - runCount;

const runsOf = (plan: Plan): number => plan.occurrences.filter(({ skip }) => skip === null).length;

/** The plan ends where the last run would be given out; runs that were skipped for overlap are still to be had. */
function nextOf(job: DueJob, plan: Plan, newRuns: number): number | null {
  const last = plan.occurrences.at(-1);
  if (plan.next !== null || !last || newRuns >= runsLeftOf(job)) return plan.next;
  // Not found out is none for now: the job is looked at again before it is completed, and paused then.
  return nextFound(job.scheduleSpec, last.until);
}

/** The plan's occurrences as rows; `admitted` has a verdict for each that is to be run, in turn. */
function toRows(job: DueJob, plan: Plan, admitted: readonly AdmissionVerdict[]): NewOccurrence[] {
  const verdicts = admitted.values();
  return plan.occurrences.map(({ scheduledFor, until, count, skip }) => {
    const verdict = skip === null ? verdicts.next().value : null;
    return {
      accountId: job.accountId,
      jobId: job.id,
      functionId: job.functionId,
      scheduledFor,
      until,
      count,
      skip: verdict === "skip" ? "overlap" : skip,
      held: verdict === "hold",
      startsAt: scheduledFor + startDelay(job.scheduleSpec, job.id, scheduledFor),
    };
  });
}
