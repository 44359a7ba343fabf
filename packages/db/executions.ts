/** Every change of an execution's state. Nothing else writes to the ledger. */
import { randomUUIDv7 } from "node:crypto";
import type { ExecutionError } from "@belfry/contract/errors.ts";
import type { PhaseRecord } from "@belfry/contract/execution.ts";
import type { RetryPolicy } from "@belfry/contract/job.ts";
import type { Json } from "@belfry/contract/json.ts";
import type { Delivery, FinalStatus, FunctionKind, Priority, SkipReason, Trigger } from "@belfry/contract/states.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { CANCEL_CHANNEL, WAKE_CHANNEL } from "./listen.ts";
import { array, jsonOrNull, jsonTextOrNull, nowMs, toInstant, toMs } from "./sql-values.ts";

/**
 * A message that no worker turned into a claim within this time is published again: its queue was wiped, or the
 * worker that had fetched it died. Doubled each time up to the maximum, so that a long backlog is not multiplied.
 */
const REPUBLISH_SECONDS = 10;
const REPUBLISH_MAX_SECONDS = 60;

/** A run whose worker was lost this many times is taken to be what kills them, and fails. */
export const MAX_LOST = 3;

/** What the queue is told of a pending execution. */
export type Dispatch = { executionId: string; attempt: number; dispatch: number; pool: string; priority: Priority };

export type NewOccurrence = {
  accountId: string;
  jobId: string;
  functionId: string;
  /** Milliseconds since the epoch. */
  scheduledFor: number;
  /** Why it is not to be run; null if it is. */
  skip: SkipReason | null;
};

/**
 * Writes occurrences, in the transaction that moves their jobs' `next_run` on. `callerPublishes`: those to be run
 * count as published once, and the caller puts them on the queue after the commit; otherwise the scheduler finds
 * them. Returns their ids in the order given.
 */
export async function insertOccurrences(
  tx: Db,
  occurrences: readonly NewOccurrence[],
  { callerPublishes }: { callerPublishes: boolean },
): Promise<string[]> {
  if (occurrences.length === 0) return [];
  const ids = occurrences.map(() => randomUUIDv7());
  await tx.execute(sql`
    insert into executions
      (id, account_id, job_id, function_id, trigger, scheduled_for, status, skip_reason, completed_at, dispatch, publish_at)
    select o.id, o.account_id, o.job_id, o.function_id, 'schedule', ${toInstant(sql`o.scheduled_for`)},
      case when o.skip is null then 'pending' else 'skipped' end, o.skip,
      case when o.skip is null then null else now() end,
      ${callerPublishes ? 1 : 0}, ${nowMs} + make_interval(secs => ${callerPublishes ? REPUBLISH_SECONDS : 0})
    from unnest(
      ${array(ids, "uuid")},
      ${array(occurrences.map((o) => o.accountId), "uuid")},
      ${array(occurrences.map((o) => o.jobId), "uuid")},
      ${array(occurrences.map((o) => o.functionId), "uuid")},
      ${array(occurrences.map((o) => o.scheduledFor), "float8")},
      ${array(occurrences.map((o) => o.skip), "text")}
    ) as o(id, account_id, job_id, function_id, scheduled_for, skip)`);
  return ids;
}

/**
 * Writes a manual run of a job whose row the transaction holds locked. The scheduler publishes it. Two in one
 * millisecond are told apart by moving the second on: the lock makes the look-up safe.
 */
export async function insertManualRun(
  tx: Db,
  job: { id: string; accountId: string; functionId: string },
): Promise<{ executionId: string }> {
  const executionId = randomUUIDv7();
  await tx.execute(sql`
    insert into executions (id, account_id, job_id, function_id, trigger, scheduled_for, status)
    select ${executionId}, ${job.accountId}, ${job.id}, ${job.functionId}, 'manual',
      greatest(${nowMs}, max(scheduled_for) + interval '1 millisecond'), 'pending'
    from executions
    where job_id = ${job.id} and trigger = 'manual' and scheduled_for >= ${nowMs}`);
  return { executionId };
}

/**
 * Takes pending executions whose time to be published has come: new ones by a call, retries, and those whose message
 * was lost. Whoever takes them publishes them after this has committed.
 */
export async function takeForPublish(db: Db, limit: number): Promise<Dispatch[]> {
  const { rows } = await db.execute<Dispatch>(sql`
    with due as (
      select e.id, j.pool, j.priority
      from executions e join jobs j on j.id = e.job_id
      where e.status = 'pending' and e.publish_at <= now()
      order by e.publish_at
      limit ${limit}
      for update of e skip locked
    )
    update executions e
    set dispatch = e.dispatch + 1,
        publish_at = now() + make_interval(secs => least(${REPUBLISH_MAX_SECONDS}, ${REPUBLISH_SECONDS} * power(2, e.dispatch)))
    from due
    where e.id = due.id
    returning e.id as "executionId", e.attempt, e.dispatch, due.pool, due.priority`);
  return rows;
}

/** Milliseconds until the next pending execution is to be published, 0 or less if one is, null if none waits. */
export async function msUntilNextPublish(db: Db): Promise<number | null> {
  const { rows } = await db.execute<{ ms: number | null }>(sql`
    select (extract(epoch from min(publish_at) - clock_timestamp()) * 1000)::float8 as ms from executions where status = 'pending'`);
  return rows[0]?.ms ?? null;
}

/** The queue did not take these: they are to be published again at once. */
export async function returnToPublish(db: Db, executionIds: readonly string[]): Promise<void> {
  await db.execute(sql`
    update executions set publish_at = ${nowMs}
    where id = any(${array(executionIds, "uuid")}) and status = 'pending'`);
}

/** All that a worker needs to know of an execution that it claimed. Times in milliseconds. */
export type ClaimedExecution = {
  executionId: string;
  attempt: number;
  jobId: string;
  jobName: string;
  accountId: string;
  functionId: string;
  trigger: Trigger;
  scheduledFor: number;
  payload: Json;
  retry: RetryPolicy;
  delivery: Delivery;
  checkTimeoutMs: number | null;
  performTimeoutMs: number | null;
  function: {
    kind: FunctionKind;
    url: string | null;
    headers: Record<string, string> | null;
    module: string | null;
    check: boolean;
    timeoutMs: number | null;
  };
};

/**
 * The only way to `running`: for each (execution, attempt) that is still pending and may start, and while this worker
 * is not counted as lost. What is not in the answer is not this worker's to run.
 */
export async function claimExecutions(
  db: Db,
  worker: string,
  wanted: readonly { executionId: string; attempt: number }[],
): Promise<ClaimedExecution[]> {
  // In one order everywhere, so that two workers with the same two messages do not wait for each other.
  const sorted = [...wanted].sort((a, b) => (a.executionId < b.executionId ? -1 : 1));
  const { rows } = await db.execute<ClaimedExecution>(sql`
    with wanted as (
      select * from unnest(
        ${array(sorted.map((w) => w.executionId), "uuid")}, ${array(sorted.map((w) => w.attempt), "int")}
      ) as w(id, attempt)
    )
    update executions e
    set status = 'running', worker = ${worker}, started_at = now()
    from wanted w, jobs j, functions f
    where e.id = w.id and e.attempt = w.attempt and e.status = 'pending' and e.available_at <= now()
      and j.id = e.job_id and f.id = e.function_id
      and exists (select from workers where id = ${worker} and stopped_at is null)
    returning e.id as "executionId", e.attempt, e.job_id as "jobId", j.name as "jobName",
      e.account_id as "accountId", e.function_id as "functionId", e.trigger, ${toMs(sql`e.scheduled_for`)} as "scheduledFor",
      j.payload, j.retry, j.delivery, j.check_timeout_ms as "checkTimeoutMs", j.perform_timeout_ms as "performTimeoutMs",
      json_build_object('kind', f.kind, 'url', f.url, 'headers', f.headers, 'module', f.module,
        'check', f.has_check, 'timeoutMs', f.timeout_ms) as function`);
  return rows;
}

export type Verdict = {
  executionId: string;
  attempt: number;
  status: FinalStatus;
  skipReason: SkipReason | null;
  error: ExecutionError | null;
  check: PhaseRecord | null;
  perform: PhaseRecord | null;
};

/**
 * Writes verdicts of a worker that holds the claims. Returns the ids that were written: of the others the claim was
 * lost, and what the worker found out about them does not count.
 */
export async function finishExecutions(db: Db, worker: string, verdicts: readonly Verdict[]): Promise<Set<string>> {
  const sorted = [...verdicts].sort((a, b) => (a.executionId < b.executionId ? -1 : 1));
  const { rows } = await db.execute<{ id: string }>(sql`
    with verdict as (
      select * from unnest(
        ${array(sorted.map((v) => v.executionId), "uuid")},
        ${array(sorted.map((v) => v.attempt), "int")},
        ${array(sorted.map((v) => v.status), "text")},
        ${array(sorted.map((v) => v.skipReason), "text")},
        ${array(sorted.map((v) => jsonTextOrNull(v.error)), "json")},
        ${array(sorted.map((v) => jsonTextOrNull(v.check)), "json")},
        ${array(sorted.map((v) => jsonTextOrNull(v.perform)), "json")}
      ) as v(id, attempt, status, skip_reason, error, check_phase, perform_phase)
    ), finished as (
      update executions e
      set status = v.status, skip_reason = v.skip_reason, error = v.error,
          check_phase = v.check_phase, perform_phase = v.perform_phase,
          completed_at = now(), duration_ms = extract(epoch from now() - e.started_at) * 1000
      from verdict v
      where e.id = v.id and e.attempt = v.attempt and e.worker = ${worker} and e.status = 'running'
      returning e.id, e.job_id, e.status
    ), uncounted as (
      update jobs j set run_count = j.run_count - skipped.n
      from (select job_id, count(*)::int as n from finished where status = 'skipped' group by job_id) skipped
      where j.id = skipped.job_id
    )
    select id from finished`);
  return new Set(rows.map((row) => row.id));
}

export type FailedAttempt = Omit<Verdict, "status" | "skipReason" | "error"> & { error: ExecutionError; retryInMs: number };

/**
 * Records an attempt as failed and makes the next one possible, unless the job has meanwhile been paused, disabled or
 * deleted, the execution was cancelled, or the claim was lost: then false, and nothing is written.
 *
 * The share lock on the job's row makes whoever pauses it wait, or us see that it is paused; without it a retry could
 * become pending behind the back of a pause, and start after the pause has returned.
 */
export async function retryExecution(db: Db, worker: string, failed: FailedAttempt): Promise<boolean> {
  const { rowCount } = await db.execute(sql`
    with job as (
      select j.id from jobs j
      where j.id = (select job_id from executions where id = ${failed.executionId}) and j.status = 'active' and j.enabled
      for share
    ), failed as (
      select e.* from executions e, job
      where e.id = ${failed.executionId} and e.job_id = job.id and e.attempt = ${failed.attempt}
        and e.worker = ${worker} and e.status = 'running' and e.cancel_requested_at is null
      for update of e
    ), recorded as (
      insert into attempts (execution_id, attempt, outcome, worker, started_at, ended_at, error, check_phase, perform_phase)
      select id, attempt, 'failed', worker, started_at, now(),
        ${jsonOrNull(failed.error)}, ${jsonOrNull(failed.check)}, ${jsonOrNull(failed.perform)}
      from failed
    )
    update executions e
    set status = 'pending', attempt = e.attempt + 1, worker = null, started_at = null, dispatch = 0,
        available_at = ${nowMs} + make_interval(secs => ${failed.retryInMs} / 1000.0),
        publish_at = ${nowMs} + make_interval(secs => ${failed.retryInMs} / 1000.0)
    from failed
    where e.id = failed.id
    returning pg_notify(${WAKE_CHANNEL}, '')`);
  return rowCount === 1;
}

/**
 * Gives back a claim of which nothing was run, since this worker lacks the module, if another living worker of the
 * pool has it: as while workers are replaced one by one. It is published again in a moment. False if nobody has it,
 * the job is no longer active, or the claim was lost. Locks the job's row as a retry does.
 */
export async function unclaimExecution(db: Db, worker: string, executionId: string, attempt: number): Promise<boolean> {
  const { rowCount } = await db.execute(sql`
    with job as (
      select j.id, j.pool from jobs j
      where j.id = (select job_id from executions where id = ${executionId}) and j.status = 'active' and j.enabled
      for share
    )
    update executions e
    set status = 'pending', worker = null, started_at = null, publish_at = ${nowMs} + interval '200 milliseconds'
    from job, functions f
    where e.id = ${executionId} and e.job_id = job.id and e.attempt = ${attempt} and e.worker = ${worker}
      and e.status = 'running' and e.cancel_requested_at is null and f.id = e.function_id
      and exists (select from workers w where w.stopped_at is null and w.pool = job.pool and f.module = any(w.modules))
    returning pg_notify(${WAKE_CHANNEL}, '')`);
  return rowCount === 1;
}

export type LostExecution = { executionId: string; jobId: string; accountId: string; attempt: number; worker: string; status: "pending" | "failed" | "cancelled" };

/**
 * Ends the attempts of workers that are no more: another attempt for jobs that want one, otherwise the execution
 * fails. `error` says why. `worker` restricts it to one worker's.
 */
export async function recordLost(
  db: Db,
  { error, limit, worker }: { error: ExecutionError; limit: number; worker?: string },
): Promise<LostExecution[]> {
  const { rows } = await db.execute<LostExecution>(sql`
    with lost as (
      select e.id, e.job_id, e.attempt, e.worker, e.started_at, e.cancel_requested_at is not null as cancelled
      from executions e
      where e.status = 'running' ${worker === undefined ? sql`` : sql`and e.worker = ${worker}`}
        and not exists (select from workers w where w.id = e.worker and w.stopped_at is null)
      order by e.id
      limit ${limit}
      for update of e skip locked
    ), again as (
      select lost.id from lost join jobs j on j.id = lost.job_id
      where not lost.cancelled and j.delivery = 'at_least_once' and j.status = 'active' and j.enabled
        and (select count(*) from attempts a where a.execution_id = lost.id and a.outcome = 'lost') < ${MAX_LOST - 1}
      for share of j
    ), recorded as (
      insert into attempts (execution_id, attempt, outcome, worker, started_at, ended_at, error)
      select id, attempt, 'lost', worker, started_at, now(), ${jsonOrNull(error)}
      from lost where id in (select id from again)
    )
    update executions e
    set status = case when again.id is not null then 'pending' when lost.cancelled then 'cancelled' else 'failed' end,
        attempt = case when again.id is not null then e.attempt + 1 else e.attempt end,
        worker = case when again.id is not null then null else e.worker end,
        started_at = case when again.id is not null then null else e.started_at end,
        completed_at = case when again.id is not null then null else now() end,
        duration_ms = case when again.id is not null then null else extract(epoch from now() - e.started_at) * 1000 end,
        error = case when again.id is not null then null else ${jsonOrNull(error)} end,
        dispatch = 0, available_at = ${nowMs}, publish_at = ${nowMs}
    from lost left join again on again.id = lost.id
    where e.id = lost.id
    returning e.id as "executionId", e.job_id as "jobId", e.account_id as "accountId", lost.attempt, lost.worker, e.status`);
  return rows;
}

/**
 * Skips what a job still has pending, in the transaction that has changed the job's row and so holds its lock: no
 * start can commit after that transaction.
 */
export async function skipPending(tx: Db, jobId: string, reason: SkipReason): Promise<void> {
  await tx.execute(sql`
    with skipped as (
      update executions set status = 'skipped', skip_reason = ${reason}, completed_at = now()
      where job_id = ${jobId} and status = 'pending'
      returning id
    )
    update jobs set run_count = run_count - (select count(*)::int from skipped) where id = ${jobId}`);
}

/**
 * Cancels an execution of an account: one that waits at once, one that runs by asking its worker to stop it.
 * Returns "final" if it had already ended, "unknown" if the account has none of that id.
 */
export async function cancelExecution(
  db: Db,
  accountId: string,
  executionId: string,
): Promise<"cancelled" | "requested" | "final" | "unknown"> {
  const error: ExecutionError = { code: "CANCELLED", message: "cancelled before it started" };
  return db.transaction(async (tx) => {
    const { rows } = await tx.execute<{ status: string }>(sql`
      select status from executions where id = ${executionId} and account_id = ${accountId} for update`);
    const status = rows[0]?.status;
    if (status === "pending") {
      await tx.execute(sql`
        update executions set status = 'cancelled', completed_at = now(), error = ${jsonOrNull(error)}
        where id = ${executionId}`);
      return "cancelled";
    }
    if (status === "running") {
      await tx.execute(sql`
        update executions set cancel_requested_at = coalesce(cancel_requested_at, now()) where id = ${executionId}`);
      await tx.execute(sql`select pg_notify(${CANCEL_CHANNEL}, ${executionId})`);
      return "requested";
    }
    return status === undefined ? "unknown" : "final";
  });
}
