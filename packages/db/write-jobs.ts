import { setImmediate as letOthersRun } from "node:timers/promises";
import { ApiError } from "@belfry/contract/errors.ts";
import type { CreateJobBody } from "@belfry/contract/job.ts";
import { RULES_VERSION } from "@belfry/schedule/schedule.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { unknownFunction } from "./functions.ts";
import { givenRows } from "./given-rows.ts";
import { insertChanges } from "./job-changes.ts";
import { WAKE_CHANNEL } from "./listen.ts";
import { takenName } from "./name-taken.ts";
import { newId } from "./new-id.ts";
import { type CalendarReader, calendarsOf, readFuture } from "./read-schedule.ts";
import { toInstant } from "./sql-values.ts";
import { statement } from "./statement.ts";
import { jobs } from "./tables/jobs.ts";

/** A job that a client wants, and what makes the call that wants it known when it comes again. */
export type NewJob = { body: CreateJobBody; idempotency: { key: string; fingerprint: string } | null };

/** What new jobs are planned by. */
export type PlannedBy = {
  /** The database's clock, in milliseconds. */
  now: number;
  /** Those of the functions of the wanted jobs that the account may use, in the spelling of the jobs. */
  usable: ReadonlySet<string>;
};

type JobRow = typeof jobs.$inferSelect;

/** Rows of one statement: few enough that it ends long before its deadline, also where the machine is busy. */
export const ROWS_AT_ONCE = 1_000;
/** After so many jobs were planned, other requests of this process have their turn. */
const SLICE = 100;

/** Schedulers look by themselves every second: what is due later than this needs nobody to wake them. */
const SOON_MS = 2_000;

/**
 * Writes new jobs, one or thousands: the only place that does. Answers for each, in their order, with its row or with why
 * there is none: ApiError VALIDATION_ERROR (function), SCHEDULE_INVALID, JOB_NAME_TAKEN. The choice between all or nothing and what
 * can be written is the caller's, and so is the transaction. Up to
 * `ROWS_AT_ONCE` jobs without calendars need none, being written by one statement.
 */
export async function writeJobs(
  tx: Db,
  accountId: string,
  wanted: readonly NewJob[],
  { now, usable }: PlannedBy,
): Promise<(JobRow | ApiError)[]> {
  const readCalendars = calendarsOf(tx, accountId);
  const results: (JobRow | ApiError)[] = [];
  for (const [i, job] of wanted.entries()) {
    if (i > 0 && i % SLICE === 0) await letOthersRun();
    results.push(
      usable.has(job.body.function_id)
        ? await refusalOr(() => planned(readCalendars, accountId, job, now))
        : unknownFunction(job.body.function_id),
    );
  }
  const inserted = await insertNamed(tx, refuseTwins(results), now);
  return results.map((result) => {
    if (result instanceof ApiError || inserted.written.has(result.id)) return result;
    return inserted.usable.has(result.functionId)
      ? takenName("jobs_name", result.name)
      : unknownFunction(result.functionId);
  });
}

/** Throws ApiError SCHEDULE_INVALID, also when nothing of the schedule is left to run. */
async function planned(
  readCalendars: CalendarReader,
  accountId: string,
  { body, idempotency }: NewJob,
  now: number,
): Promise<JobRow> {
  const id = newId();
  const { spec, calendars, firstRun } = await readFuture(readCalendars, { ...body, id }, now);
  return {
    id,
    accountId,
    functionId: body.function_id.toLowerCase(),
    name: body.name,
    description: body.description,
    project: body.project,
    schedule: body.schedule,
    scheduleSpec: spec,
    rulesVersion: RULES_VERSION,
    timezone: body.timezone,
    dst: body.dst,
    calendars,
    payload: body.payload ?? {},
    priority: body.priority,
    pool: body.pool,
    maxRuns: body.max_runs,
    runCount: 0,
    timeoutMs: body.timeout_ms,
    checkTimeoutMs: body.check_timeout_ms,
    performTimeoutMs: body.perform_timeout_ms,
    misfire: body.misfire,
    overlap: body.overlap,
    autoPauseAfter: body.auto_pause_after,
    retry: body.retry,
    delivery: body.delivery,
    status: "active",
    enabled: body.enabled,
    pausedReason: null,
    plannedFrom: new Date(now),
    nextRun: body.enabled ? new Date(firstRun) : null,
    idempotencyKey: idempotency?.key ?? null,
    idempotencyFingerprint: idempotency?.fingerprint ?? null,
    createdAt: new Date(now),
    updatedAt: new Date(now),
    deletedAt: null,
  };
}

/** Of several with one name the first stands; the others are told here, since the database could say only that the name is taken. */
function refuseTwins(results: (JobRow | ApiError)[]): JobRow[] {
  const byName = new Map<string, JobRow>();
  for (const [i, row] of results.entries()) {
    if (row instanceof ApiError) continue;
    const key = JSON.stringify([row.project ?? "", row.name]);
    if (byName.has(key)) results[i] = takenName("jobs_name", row.name, "stands twice in this call");
    else byName.set(key, row);
  }
  return [...byName.values()];
}

const given = givenRows(jobs);

/**
 * Writes jobs with the first rows of their histories, wakes the schedulers for what is due `soon`, and keeps the functions from
 * being deleted until the transaction ends. Left out are those whose name is taken, and those whose function was deleted a
 * moment ago: it is not among the `usable`. All in one statement, so that it is known of all what became of them, or of none.
 */
const insertJobs = statement<{ written: string[]; usable: string[] }, Record<string, unknown>>(sql`
  with usable as materialized (
    select id from functions where id = any (${sql.placeholder("functionIds")}::uuid[]) and deleted_at is null for share
  ), written as (
    insert into jobs (${given.names})
    select ${given.typed} from ${given.rows} where given.function_id::uuid = any (array (select id from usable))
    on conflict (account_id, coalesce(project, ''), name) do nothing
    returning *
  ), changes as (
    select id, job_id, 'created' as kind, null::float8 as served_up_to
    from unnest(${sql.placeholder("changeIds")}::uuid[], ${sql.placeholder("jobIds")}::uuid[]) as c(id, job_id)
  ), recorded as (
    ${insertChanges(toInstant(sql`${sql.placeholder("now")}`), sql`changes c join written j on j.id = c.job_id`)}
  )
  select array (select id::text from written) as written, array (select id::text from usable) as usable,
    case when ${sql.placeholder("soon")}::bool then pg_notify(${WAKE_CHANNEL}, '') end`);

/**
 * Inserts what can be inserted. In the order of the names everywhere: two calls that want the same ones wait for each other
 * and do not deadlock.
 */
async function insertNamed(tx: Db, rows: readonly JobRow[], now: number) {
  const sorted = rows.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const [written, usable] = [new Set<string>(), new Set<string>()];
  for (let start = 0; start < sorted.length; start += ROWS_AT_ONCE) {
    const chunk = sorted.slice(start, start + ROWS_AT_ONCE);
    const [inserted] = await insertJobs(tx, {
      ...given.values(chunk),
      functionIds: [...new Set(chunk.map(({ functionId }) => functionId))],
      changeIds: chunk.map(() => newId()),
      jobIds: chunk.map(({ id }) => id),
      now,
      soon: chunk.some(({ nextRun }) => nextRun !== null && nextRun.getTime() < now + SOON_MS),
    });
    for (const id of inserted?.written ?? []) written.add(id);
    for (const id of inserted?.usable ?? []) usable.add(id);
  }
  return { written, usable };
}

async function refusalOr<T>(work: () => Promise<T>): Promise<T | ApiError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}
