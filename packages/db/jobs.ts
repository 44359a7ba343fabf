/** Every change that a client makes to a job once it is there. */
import { ApiError, invalidField } from "@belfry/contract/errors.ts";
import type { PatchJobBody } from "@belfry/contract/job.ts";
import { nextRun } from "@belfry/schedule/next-run.ts";
import { RULES_VERSION, type Schedule } from "@belfry/schedule/schedule.ts";
import { isTooRare } from "@belfry/schedule/search.ts";
import { and, eq, sql } from "drizzle-orm";
import { type Db, databaseNow } from "./client.ts";
import { findManualRun, insertManualRun, takeBackPending } from "./executions.ts";
import { assertFunctionUsable } from "./functions.ts";
import { planChange, planEnd, recordChanges } from "./job-changes.ts";
import { nameTaken } from "./name-taken.ts";
import { admitAll } from "./overlap.ts";
import { calendarsOf, readFuture, withCalendarsOfToday } from "./read-schedule.ts";
import { recordDue } from "./record-due.ts";
import { jobs } from "./tables/jobs.ts";
import { inTransaction } from "./transaction.ts";
import { wake } from "./wake.ts";

export type JobRow = typeof jobs.$inferSelect;

/**
 * Changes a job. A change of schedule serves what was due before it and goes on strictly after now, so that no
 * instant is lost or served twice. `enabled: false` takes back what is pending.
 * Returns false if the account has no such job. Throws ApiError as `createJob` does, but for that of the key.
 */
export async function patchJob(db: Db, accountId: string, jobId: string, patch: PatchJobBody): Promise<boolean> {
  try {
    return await changeJob(db, accountId, jobId, async (tx, job, now) => {
      if (patch.function_id !== undefined) await assertFunctionUsable(tx, accountId, patch.function_id);
      if (patch.max_runs !== undefined && patch.max_runs !== 0 && patch.max_runs < job.runCount) {
        throw invalidField("max_runs", `max_runs must be 0 or at least run_count, which is ${job.runCount}`);
      }
      const newSchedule = [patch.schedule, patch.timezone, patch.dst].some((part) => part !== undefined);
      const changed: JobRow = {
        ...job,
        ...definedOnly({
          functionId: patch.function_id,
          name: patch.name,
          description: patch.description,
          project: patch.project,
          schedule: patch.schedule,
          timezone: patch.timezone,
          dst: patch.dst,
          // As at creation: a payload of null is none.
          payload: patch.payload === null ? {} : patch.payload,
          priority: patch.priority,
          pool: patch.pool,
          maxRuns: patch.max_runs,
          timeoutMs: patch.timeout_ms,
          checkTimeoutMs: patch.check_timeout_ms,
          performTimeoutMs: patch.perform_timeout_ms,
          misfire: patch.misfire,
          overlap: patch.overlap,
          autoPauseAfter: patch.auto_pause_after,
          retry: patch.retry,
          delivery: patch.delivery,
          enabled: patch.enabled,
        }),
      };
      if (newSchedule) {
        const { spec, calendars } = await readFuture(calendarsOf(tx, accountId), changed, now);
        Object.assign(changed, { scheduleSpec: spec, calendars, rulesVersion: RULES_VERSION });
      }
      if (patch.enabled) {
        await assertFunctionUsable(tx, accountId, changed.functionId);
        changed.deletedAt = null;
      }
      // A job that was over, or has had its runs, has something to do again.
      const mayHaveRuns = job.nextRun === null && patch.max_runs !== undefined;
      if (job.status === "completed" && (newSchedule || mayHaveRuns)) changed.status = "active";
      return newSchedule || mayHaveRuns ? planAnew(changed, now) : changed;
    });
  } catch (error) {
    throw nameTaken(error, "jobs_name", patch.name ?? "");
  }
}

/** No occurrence until it is resumed; what is pending becomes `skipped`. Returns false if the account has no such job. */
export function pauseJob(db: Db, accountId: string, jobId: string): Promise<boolean> {
  return changeJob(db, accountId, jobId, (_tx, job) => {
    if (job.status === "completed") throw new ApiError("JOB_NOT_ACTIVE", "job is completed, there is nothing to pause");
    return { ...job, status: "paused" };
  });
}

/** Goes on with the first occurrence after now. Returns false if the account has no such job. */
export function resumeJob(db: Db, accountId: string, jobId: string): Promise<boolean> {
  return changeJob(db, accountId, jobId, (_tx, job) => {
    if (job.status === "completed")
      throw new ApiError("JOB_NOT_ACTIVE", "job is completed, there is nothing to resume");
    return { ...job, status: "active", pausedReason: null };
  });
}

/**
 * Disables a job for good, but for who enables it again: its row, its name and its executions stay.
 * Returns false if the account has no such job.
 */
export function deleteJob(db: Db, accountId: string, jobId: string): Promise<boolean> {
  return changeJob(db, accountId, jobId, (_tx, job, now) => ({
    ...job,
    enabled: false,
    deletedAt: job.deletedAt ?? new Date(now),
  }));
}

/**
 * One manual run, besides the schedule; the same `idempotencyKey` gives the same run. Returns null if the account has
 * no such job.
 * Throws ApiError JOB_NOT_ACTIVE for a job that is paused, disabled, completed or has no runs left.
 */
export async function runJob(
  db: Db,
  accountId: string,
  jobId: string,
  idempotencyKey: string | null = null,
): Promise<{ executionId: string; replayed: boolean } | null> {
  return inTransaction(db, async (tx) => {
    const now = await databaseNow(tx);
    const job = await lockServed(tx, accountId, jobId, now);
    if (!job) return null;
    const earlier = idempotencyKey === null ? null : await findManualRun(tx, jobId, idempotencyKey);
    if (earlier) return { executionId: earlier, replayed: true };
    const why = whyNotRunnable(job);
    if (why) throw new ApiError("JOB_NOT_ACTIVE", `job ${why} and cannot be run`);
    const admitted = (await admitAll(tx, [{ jobId, overlap: job.overlap, count: 1 }])).get(jobId)?.[0] ?? "run";
    const run = await insertManualRun(tx, job, admitted, idempotencyKey);
    if (admitted !== "skip") {
      // Not from `job`: making place for this run may have taken others back.
      const isLast = sql`${jobs.maxRuns} > 0 and ${jobs.runCount} + 1 >= ${jobs.maxRuns}`;
      const [left] = await tx
        .update(jobs)
        .set({
          runCount: sql`${jobs.runCount} + 1`,
          nextRun: sql`case when ${isLast} then null else ${jobs.nextRun} end`,
        })
        .where(eq(jobs.id, jobId))
        .returning({ nextRun: jobs.nextRun });
      if (!left?.nextRun) await recordChanges(tx, planEnd(job, now), now);
    }
    await wake(tx);
    return { ...run, replayed: false };
  });
}

function whyNotRunnable(job: JobRow): string | null {
  if (job.deletedAt) return "is deleted";
  if (!job.enabled) return "is disabled";
  if (job.status !== "active") return `is ${job.status}`;
  if (!hasRunsLeft(job)) return `has had its ${job.maxRuns} runs`;
  return null;
}

/** Gives the job as it is to be, or null if it is to stay as it is. */
type JobChange = (tx: Db, job: JobRow, now: number) => JobRow | null | Promise<JobRow | null>;

/**
 * The frame of every change: lock the job as the sweep does, write what is due until now under the old rules, apply
 * the change, find the next run under the new ones, and take back what may no longer start. Returns whether the
 * account has the job and it was changed.
 */
export async function changeJob(db: Db, accountId: string, jobId: string, change: JobChange): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const now = await databaseNow(tx);
    const job = await lockServed(tx, accountId, jobId, now);
    if (!job) return false;
    const changed = await change(tx, job, now);
    if (!changed) return false;
    const [was, is] = [isPlanned(job), isPlanned(changed)];
    const planned =
      is && !was ? planAnew({ ...changed, scheduleSpec: await withCalendarsOfToday(tx, changed) }, now) : changed;
    const row = { ...planned, nextRun: is && hasRunsLeft(planned) ? planned.nextRun : null, updatedAt: new Date(now) };
    await tx.update(jobs).set(row).where(eq(jobs.id, jobId));
    await recordChanges(tx, planChange(job, row, now), now);
    if (!is) await takeBackPending(tx, jobId, "paused");
    await wake(tx);
    return true;
  });
}

const isPlanned = (job: JobRow): boolean => job.enabled && job.status === "active";

/** Without one a job has no next run: it settles once the runs that it has given out have ended. */
export const hasRunsLeft = (job: JobRow): boolean => job.maxRuns === 0 || job.runCount < job.maxRuns;

/**
 * From here on the plan is another one, or begins again: what lies before now is none of its occurrences. Throws ApiError
 * SCHEDULE_INVALID if it is not found out in bounded time whether there is a next one.
 */
export function planAnew(job: JobRow, now: number): JobRow {
  const next = nextOrRefused(job.scheduleSpec, now);
  return { ...job, plannedFrom: new Date(now), nextRun: next === null ? null : new Date(next) };
}

function nextOrRefused(schedule: Schedule, now: number): number | null {
  try {
    return nextRun(schedule, now);
  } catch (error) {
    if (!isTooRare(error)) throw error;
    const { message, code, field } = error;
    throw new ApiError("SCHEDULE_INVALID", message, [{ path: field, message, code }]);
  }
}

/** Sweeps that a call makes by itself at most before it leaves the rest to the schedulers. */
const MAX_OWN_SWEEPS = 3;

/**
 * The locked job with all of its occurrences up to `now` in the ledger, null if the account has none.
 * Throws ApiError UNAVAILABLE when there are so many, as after days of outage, that the schedulers are still at it,
 * and for a job that only a newer version may plan, as while processes are replaced one by one.
 */
async function lockServed(tx: Db, accountId: string, jobId: string, now: number): Promise<JobRow | null> {
  let job = await lockJob(tx, accountId, jobId);
  if (job && job.rulesVersion > RULES_VERSION)
    throw new ApiError("UNAVAILABLE", "the job is planned by a newer version of Belfry, which has to change it");
  for (let sweeps = 0; job?.nextRun && job.nextRun.getTime() <= now; sweeps++) {
    if (sweeps === MAX_OWN_SWEEPS)
      throw new ApiError("UNAVAILABLE", "the job's late occurrences are still being written, try again");
    await recordDue(tx, [{ ...job, nextRun: job.nextRun.getTime() }], now, { callerPublishes: false });
    job = await lockJob(tx, accountId, jobId);
  }
  return job;
}

/** `no key update` is the sweep's own lock: it waits for a sweep, and a sweep passes the job over meanwhile. */
async function lockJob(tx: Db, accountId: string, jobId: string): Promise<JobRow | null> {
  const [row] = await tx
    .select()
    .from(jobs)
    .where(and(eq(jobs.id, jobId), eq(jobs.accountId, accountId)))
    .for("no key update");
  return row ?? null;
}

function definedOnly<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
