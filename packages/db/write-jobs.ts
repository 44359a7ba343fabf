import { setImmediate as letOthersRun } from "node:timers/promises";
import { ApiError } from "@belfry/contract/errors.ts";
import type { CreateJobBody } from "@belfry/contract/job.ts";
import { RULES_VERSION } from "@belfry/schedule/schedule.ts";
import { sql } from "drizzle-orm";
import { type Db, databaseNow } from "./client.ts";
import { unknownFunction, usableFunctions } from "./functions.ts";
import { insertRows } from "./insert-rows.ts";
import { recordChanges } from "./job-changes.ts";
import { takenName } from "./name-taken.ts";
import { newId } from "./new-id.ts";
import { type CalendarReader, calendarsOf, readFuture } from "./read-schedule.ts";
import { jobs } from "./tables/jobs.ts";
import { wake } from "./wake.ts";

/** A job that a client wants, and what makes the call that wants it known when it comes again. */
export type NewJob = { body: CreateJobBody; idempotency: { key: string; fingerprint: string } | null };

export type WrittenJob = { id: string; name: string; nextRun: Date | null };

type NewRow = typeof jobs.$inferInsert & { id: string };

/** Rows of one statement: few enough that it ends long before its deadline, also where the machine is busy. */
const CHUNK = 1_000;
/** After so many jobs were planned, other requests of this process have their turn. */
const SLICE = 100;

/**
 * Writes new jobs, one or thousands: the only place that does. Answers for each, in their order, with what was written or
 * with why it was not: ApiError VALIDATION_ERROR (function), SCHEDULE_INVALID, JOB_NAME_TAKEN. The transaction is the
 * caller's, and so is the choice between all or nothing and what can be written.
 */
export async function writeJobs(
  tx: Db,
  accountId: string,
  wanted: readonly NewJob[],
): Promise<(WrittenJob | ApiError)[]> {
  const usable = await usableFunctions(tx, accountId, new Set(wanted.map(({ body }) => body.function_id)));
  const now = await databaseNow(tx);
  const readCalendars = calendarsOf(tx, accountId);
  const results: (NewRow | ApiError)[] = [];
  for (const [i, job] of wanted.entries()) {
    if (i > 0 && i % SLICE === 0) await letOthersRun();
    results.push(
      usable.has(job.body.function_id)
        ? await refusalOr(() => planned(readCalendars, accountId, job, now))
        : unknownFunction(job.body.function_id),
    );
  }
  const written = await insertNamed(tx, refuseTwins(results));
  await recordChanges(
    tx,
    [...written].map((jobId) => ({ jobId, kind: "created", servedUpTo: null })),
    now,
  );
  if (written.size > 0) await wake(tx);
  return results.map((result) => {
    if (result instanceof ApiError) return result;
    const { id, name, nextRun = null } = result;
    return written.has(id) ? { id, name, nextRun } : takenName("jobs_name", name);
  });
}

/** Throws ApiError SCHEDULE_INVALID, also when nothing of the schedule is left to run. */
async function planned(
  readCalendars: CalendarReader,
  accountId: string,
  { body, idempotency }: NewJob,
  now: number,
): Promise<NewRow> {
  const id = newId();
  const { spec, calendars, firstRun } = await readFuture(readCalendars, { ...body, id }, now);
  return {
    id,
    accountId,
    functionId: body.function_id,
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
    timeoutMs: body.timeout_ms,
    checkTimeoutMs: body.check_timeout_ms,
    performTimeoutMs: body.perform_timeout_ms,
    misfire: body.misfire,
    overlap: body.overlap,
    autoPauseAfter: body.auto_pause_after,
    retry: body.retry,
    delivery: body.delivery,
    enabled: body.enabled,
    plannedFrom: new Date(now),
    nextRun: body.enabled ? new Date(firstRun) : null,
    idempotencyKey: idempotency?.key ?? null,
    idempotencyFingerprint: idempotency?.fingerprint ?? null,
  };
}

/** Of several with one name the first stands; the others are told here, since the database could say only that the name is taken. */
function refuseTwins(results: (NewRow | ApiError)[]): NewRow[] {
  const byName = new Map<string, NewRow>();
  for (const [i, row] of results.entries()) {
    if (row instanceof ApiError) continue;
    const key = JSON.stringify([row.project ?? "", row.name]);
    if (byName.has(key)) results[i] = takenName("jobs_name", row.name, "stands twice in this call");
    else byName.set(key, row);
  }
  return [...byName.values()];
}

/**
 * Inserts the rows whose names are free and returns their ids. In the order of the names everywhere: two calls that want the
 * same ones wait for each other and do not deadlock.
 */
async function insertNamed(tx: Db, rows: readonly NewRow[]): Promise<Set<string>> {
  const sorted = rows.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const written = new Set<string>();
  for (let start = 0; start < sorted.length; start += CHUNK) {
    const insert = insertRows(jobs, sorted.slice(start, start + CHUNK));
    const { rows: inserted } = await tx.execute<{ id: string }>(
      sql`${insert} on conflict (account_id, coalesce(project, ''), name) do nothing returning id`,
    );
    for (const { id } of inserted) written.add(id);
  }
  return written;
}

async function refusalOr<T>(work: () => Promise<T>): Promise<T | ApiError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}
