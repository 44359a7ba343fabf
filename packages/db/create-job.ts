import { ApiError } from "@belfry/contract/errors.ts";
import type { CreateJobBody } from "@belfry/contract/job.ts";
import type { Db } from "./client.ts";
import { createJobs, fingerprintOf } from "./create-jobs.ts";
import { type JobWithLedger, judgeAtAGlance } from "./job-glance.ts";
import { type Ground, readGrounds } from "./new-job-ground.ts";
import { getJob } from "./read-jobs.ts";
import type { jobs } from "./tables/jobs.ts";

/** A job that is wanted, and what it stands on. */
export type GroundedJob = { body: CreateJobBody; ground: Ground };

/**
 * A new job. The same `idempotencyKey` with the same body gives the job that the first call made. `ground` is what
 * `readGrounds` says of the body.
 * Throws ApiError: VALIDATION_ERROR (function), SCHEDULE_INVALID, JOB_NAME_TAKEN, IDEMPOTENCY_KEY_REUSED.
 */
export async function createJob(
  db: Db,
  accountId: string,
  body: CreateJobBody,
  idempotencyKey: string | null,
  ground?: Ground,
): Promise<{ job: JobWithLedger; replayed: boolean }> {
  const idempotency = idempotencyKey === null ? null : { key: idempotencyKey, fingerprint: fingerprintOf(body) };
  const known = ground ?? ((await readGrounds(db, accountId, [body]))[0] as Ground);
  const plannedBy = plannedByOf([{ body, ground: known }]);
  const created = await createJobs(db, accountId, [{ body, idempotency }], "all or nothing", plannedBy);
  const [earlier] = created.replayed ? created.results : [];
  if (earlier) return { job: (await getJob(db, accountId, earlier.id)) as JobWithLedger, replayed: true };
  const [written] = created.replayed ? [] : created.results;
  if (!written || written instanceof ApiError) throw written;
  return { job: await asNew(db, written, known), replayed: false };
}

/**
 * Jobs of several calls, of different names, in one statement: for each in their order the job, or the ApiError that
 * `createJob` would have thrown.
 */
export async function createEach(
  db: Db,
  accountId: string,
  wanted: readonly GroundedJob[],
): Promise<(JobWithLedger | ApiError)[]> {
  if (wanted.length === 0) return [];
  const bodies = wanted.map(({ body }) => ({ body, idempotency: null }));
  const { results } = await createJobs(db, accountId, bodies, "what can be", plannedByOf(wanted));
  return Promise.all(
    wanted.map(({ ground }, i) => {
      const result = results[i] as JobRow | ApiError;
      return result instanceof ApiError ? result : asNew(db, result, ground);
    }),
  );
}

type JobRow = typeof jobs.$inferSelect;

function plannedByOf(wanted: readonly GroundedJob[]) {
  const usable = wanted.filter(({ ground }) => ground.isUsable).map(({ body }) => body.function_id);
  return { now: Math.max(...wanted.map(({ ground }) => ground.now)), usable: new Set(usable) };
}

/** As it is answered: there is nothing in its ledger yet. */
async function asNew(db: Db, job: JobRow, ground: Ground): Promise<JobWithLedger> {
  const asWritten = judgeAtAGlance(job, { ...ground, overdue: false, waits: false, newest: null });
  return asWritten ?? ((await getJob(db, job.accountId, job.id)) as JobWithLedger);
}
