/** Planning jobs anew whose calendars have changed. See tables/job-replans.ts. */
import { ApiError } from "@belfry/contract/errors.ts";
import { RULES_VERSION } from "@belfry/schedule/schedule.ts";
import { eq, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { changeJob, hasRunsLeft, type JobRow, planAnew } from "./jobs.ts";
import { withCalendarsOfToday } from "./read-schedule.ts";
import { array } from "./sql-values.ts";
import { jobReplans } from "./tables/job-replans.ts";
import { inTransaction } from "./transaction.ts";

/** At once by one scheduler: each is some round trips to Postgres and little else. */
const LANES = 4;
/** One that could not be planned just now has its next turn after those that are due within this time. */
const POSTPONE_SECONDS = 10;

export type Parked = { jobId: string; jobName: string; accountId: string; reason: string };

export type Replanned = {
  /** Jobs that wait no longer. */
  done: number;
  /** Those of them that cannot be planned any more, and were paused. */
  parked: Parked[];
  /** Jobs that are to be tried again, since something went wrong. */
  postponed: { jobId: string; error: unknown }[];
};

/**
 * Plans jobs anew, at most `limit` of them and none after `signal`, in turn and each in a transaction of its own. Any number of
 * schedulers may do it at once: who holds a job's row in `job_replans` has its turn, and deletes the row with what it has done.
 */
export async function replanJobs(db: Db, limit: number, signal?: AbortSignal): Promise<Replanned> {
  const all: Replanned = { done: 0, parked: [], postponed: [] };
  let left = limit;
  const lane = async () => {
    while (left > 0 && !signal?.aborted) {
      left--;
      const tried = all.postponed.map(({ jobId }) => jobId);
      if (!(await replanNext(db, tried, all))) return;
    }
  };
  // All of them to their end, whatever becomes of one: nothing is to go on after this has returned.
  const ends = await Promise.allSettled(Array.from({ length: LANES }, lane));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
  return all;
}

/** False when there is none but those in `tried`, and those that somebody else has. */
async function replanNext(db: Db, tried: readonly string[], all: Replanned): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const { rows } = await tx.execute<{ jobId: string; accountId: string | null }>(sql`
      select r.job_id as "jobId", j.account_id as "accountId"
      from job_replans r left join jobs j on j.id = r.job_id
      where r.job_id <> all(${array(tried, "uuid")})
      order by r.turn limit 1
      for update of r skip locked`);
    const next = rows[0];
    if (!next) return false;
    const { jobId, accountId } = next;
    try {
      const parked = accountId === null ? null : await replanJob(tx, accountId, jobId);
      if (parked) all.parked.push(parked);
    } catch (error) {
      await tx.execute(sql`
        update job_replans set turn = greatest(turn, now()) + make_interval(secs => ${POSTPONE_SECONDS})
        where job_id = ${jobId}`);
      all.postponed.push({ jobId, error });
      return true;
    }
    await tx.delete(jobReplans).where(eq(jobReplans.jobId, jobId));
    all.done++;
    return true;
  });
}

/**
 * From now on the job has its calendars of today; what was due until now is served under those of before. A job that was
 * completed, since its calendars had no more dates for it, goes on if they have some again. What fails is undone: within a
 * transaction `changeJob` is a savepoint, so the turn is still ours to give back.
 */
async function replanJob(tx: Db, accountId: string, jobId: string): Promise<Parked | null> {
  let parked: Parked | null = null;
  await changeJob(tx, accountId, jobId, async (nested, job, now) => {
    try {
      const scheduleSpec = await withCalendarsOfToday(nested, job);
      if (JSON.stringify(scheduleSpec) === JSON.stringify(job.scheduleSpec)) return null;
      return goesOn(planAnew({ ...job, scheduleSpec, rulesVersion: RULES_VERSION }, now));
    } catch (error) {
      if (!cannotBePlanned(error)) throw error;
      if (job.status !== "active") return null;
      const reason = `its schedule cannot be planned: ${(error as Error).message}`.slice(0, 1_000);
      parked = { jobId, jobName: job.name, accountId: job.accountId, reason };
      return { ...job, status: "paused", pausedReason: reason };
    }
  });
  return parked;
}

function goesOn(job: JobRow): JobRow {
  const hasMore = job.nextRun !== null && job.enabled && hasRunsLeft(job);
  return job.status === "completed" && hasMore ? { ...job, status: "active" } : job;
}

/** For good: a calendar that is no more, a time zone that this runtime does not know. Not what Postgres says. */
const cannotBePlanned = (error: unknown): boolean =>
  error instanceof ApiError ? error.code === "SCHEDULE_INVALID" : error instanceof RangeError;
