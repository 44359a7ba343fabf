/**
 * Every change of an execution's state.
 *
 * Locks are taken in one order: the job's row, then executions by id, so that no two of these wait for each other.
 */
import type { ExecutionError } from "@belfry/contract/errors.ts";
import type { PhaseRecord, Progress } from "@belfry/contract/execution.ts";
import type { RetryPolicy } from "@belfry/contract/job.ts";
import type { Json } from "@belfry/contract/json.ts";
import type { SandboxLimits } from "@belfry/contract/sandbox.ts";
import type {
  BreakerState,
  Delivery,
  FinalStatus,
  FunctionKind,
  SkipReason,
  Trigger,
} from "@belfry/contract/states.ts";
import type { AdmissionVerdict } from "@belfry/schedule/admit.ts";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { executionId } from "./execution-id.ts";
import { CANCEL_CHANNEL, WAKE_CHANNEL } from "./listen.ts";
import { REPUBLISH_SECONDS } from "./outbox.ts";
import { array, atMost, columnsOf, jsonOrNull, jsonTextOrNull, nowMs, opaque, toInstant, toMs } from "./sql-values.ts";
import { inTransaction } from "./transaction.ts";

/** A run whose worker was lost this many times is taken to be what kills them, and fails. */
export const MAX_LOST = 3;

/** An occurrence, or a range of misfires, to be written. Instants in milliseconds since the epoch. */
export type NewOccurrence = {
  accountId: string;
  jobId: string;
  functionId: string;
  scheduledFor: number;
  /** Why it is not to be run; null if it is. */
  skip: SkipReason | null;
  until: number;
  count: number;
  /** Waits for its turn. */
  held: boolean;
  /** When it may start: later than `scheduledFor` if its schedule spreads its starts. */
  startsAt: number;
};

/** `published` if it is the caller's to put on the queue. */
export type WrittenOccurrence = { id: string; jobId: string; skip: SkipReason | null; published: boolean };

/**
 * Writes occurrences, in the transaction that moves their jobs' `next_run` on. `callerPublishes`: those that may run now
 * count as published once, and the caller puts them on the queue after the commit; the others the scheduler finds. One that is in the ledger already keeps its row. Returns those that were written, with their ids.
 */
export async function insertOccurrences(
  tx: Db,
  occurrences: readonly NewOccurrence[],
  { callerPublishes }: { callerPublishes: boolean },
): Promise<WrittenOccurrence[]> {
  if (occurrences.length === 0) return [];
  const column = columnsOf(occurrences.map((o) => ({ ...o, id: executionId(o.scheduledFor) })));
  const publishes = sql`${callerPublishes} and o.skip is null and not o.held and starts_at <= now()`;
  const { rows } = await tx.execute<WrittenOccurrence>(sql`
    insert into executions
      (id, account_id, job_id, function_id, trigger, scheduled_for, scheduled_until, occurrences,
       status, skip_reason, completed_at, held, available_at, dispatch, publish_at)
    select o.id, o.account_id, o.job_id, o.function_id, 'schedule',
      ${toInstant(sql`o.scheduled_for`)}, ${toInstant(sql`o.scheduled_until`)}, o.occurrences,
      case when o.skip is null then 'pending' else 'skipped' end, o.skip,
      case when o.skip is null then null else now() end, o.held, greatest(${nowMs}, starts_at),
      case when ${publishes} then 1 else 0 end,
      case when ${publishes} then ${nowMs} + make_interval(secs => ${REPUBLISH_SECONDS}) else greatest(${nowMs}, starts_at) end
    from unnest(
      ${column("id", "uuid")}, ${column("accountId", "uuid")}, ${column("jobId", "uuid")}, ${column("functionId", "uuid")},
      ${column("scheduledFor", "float8")}, ${column("until", "float8")}, ${column("count", "int")},
      ${column("skip", "text")}, ${column("held", "bool")}, ${column("startsAt", "float8")}
    ) as o(id, account_id, job_id, function_id, scheduled_for, scheduled_until, occurrences, skip, held, starts_at_ms),
      lateral (select ${toInstant(sql`o.starts_at_ms`)} as starts_at) s
    on conflict do nothing
    returning id, job_id as "jobId", skip_reason as skip, dispatch = 1 as published`);
  return rows;
}

/**
 * Writes a manual run of a job whose row the transaction holds locked, as the overlap policy has admitted it. The
 * scheduler publishes it. Two in one millisecond are told apart by moving the second on: the lock makes the look-up
 * safe.
 */
export async function insertManualRun(
  tx: Db,
  job: { id: string; accountId: string; functionId: string },
  admitted: AdmissionVerdict,
  idempotencyKey: string | null,
): Promise<{ executionId: string }> {
  const { rows } = await tx.execute<{ at: number }>(sql`
    select ${toMs(sql`greatest(${nowMs}, max(scheduled_for) + interval '1 millisecond')`)} as at
    from executions
    where job_id = ${job.id} and trigger = 'manual' and scheduled_for >= ${nowMs}`);
  const at = rows[0]?.at as number;
  const id = executionId(at);
  const skipped = admitted === "skip";
  await tx.execute(sql`
    insert into executions
      (id, account_id, job_id, function_id, trigger, scheduled_for, scheduled_until, status, skip_reason, completed_at,
       held, idempotency_key)
    values (${id}, ${job.accountId}, ${job.id}, ${job.functionId}, 'manual', ${toInstant(at)}, ${toInstant(at)},
      ${skipped ? "skipped" : "pending"}, ${skipped ? "overlap" : null}, ${skipped ? sql`now()` : sql`null`},
      ${admitted === "hold"}, ${idempotencyKey})`);
  return { executionId: id };
}

/** The manual run of a job that an earlier call with the same key has made, or null. */
export async function findManualRun(tx: Db, jobId: string, idempotencyKey: string): Promise<string | null> {
  const { rows } = await tx.execute<{ id: string }>(sql`
    select id from executions where job_id = ${jobId} and idempotency_key = ${idempotencyKey}`);
  return rows[0]?.id ?? null;
}

/**
 * Which executions may go on from their check to their perform, with the attempt of each: the claim is still the worker's, nobody wants it
 * cancelled, and the job was not paused, disabled or deleted while the check took its time.
 */
export async function mayPerform(
  db: Db,
  worker: string,
  checked: readonly { executionId: string; attempt: number }[],
): Promise<Map<string, number>> {
  const column = columnsOf(checked);
  const { rows } = await db.execute<{ id: string; attempt: number }>(sql`
    select e.id, e.attempt from executions e join jobs j on j.id = e.job_id
    join unnest(${column("executionId", "uuid")}, ${column("attempt", "int")}) as c(id, attempt) on c.id = e.id
    where ${amongThem(checked)} and e.attempt = c.attempt and ${opaque(sql`e.worker = ${worker} and e.status = 'running'`)}
      and e.cancel_requested_at is null and j.status = 'active' and j.enabled`);
  return new Map(rows.map(({ id, attempt }) => [id, attempt]));
}

/**
 * Says once more which executions are meant, in a form from which the planner sees what partitions they are in. From
 * a join alone it does not, and planning for all of them would be dearer than the rest. (Bounds would do, too, but then
 * it may read everything between them.) In a plan that is kept for all values each partition is asked by its key.
 */
const amongThem = (rows: readonly { executionId: string }[]): SQL =>
  sql`e.id = any(${columnsOf(rows)("executionId", "uuid")})`;

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
  timeoutMs: number | null;
  checkTimeoutMs: number | null;
  performTimeoutMs: number | null;
  /** Whether the job's overlap policy lets others wait until this one has ended. */
  othersMayWait: boolean;
  function: {
    kind: FunctionKind;
    url: string | null;
    headers: Record<string, string> | null;
    module: string | null;
    check: boolean;
    timeoutMs: number | null;
    /** Of an uploaded function. */
    version: number | null;
    hosts: string[] | null;
    limits: SandboxLimits | null;
    connectTimeoutMs: number | null;
    headersTimeoutMs: number | null;
    bodyTimeoutMs: number | null;
    /** Of kind http: the secrets that were valid at the claim, the newest first; null for none. */
    secrets: string[] | null;
    /** Null as long as nothing is wrong with the function: its circuit breaker is closed and has counted no failure. */
    breaker: ClaimedBreaker | null;
  };
};

/** `retryInMs`: from when on one execution may try; it has passed if it is 0 or less, and is null if the breaker is closed. */
export type ClaimedBreaker = { state: BreakerState; retryInMs: number | null; openSeconds: number };

/** Only asked for functions that have some to have: the others pay nothing. */
const secretsOf = (functionId: SQL): SQL => sql`(
  select json_agg(s.secret order by s.expires_at desc nulls first) from function_secrets s
  where s.function_id = ${functionId} and (s.expires_at is null or s.expires_at > now()))`;

/**
 * The only way to `running`: for each (execution, attempt) that is still pending and may start, and while this worker
 * is not counted as lost. What is not in the answer is not this worker's to run. What has a limit is left alone, unless
 * it is `pastGates`, which is for claim-gated.ts to say; and with `skipLocked` what somebody holds.
 */
export async function claimExecutions(
  db: Db,
  worker: string,
  wanted: readonly { executionId: string; attempt: number }[],
  { pastGates = false, skipLocked = false } = {},
): Promise<ClaimedExecution[]> {
  if (wanted.length === 0) return [];
  // In the order in which everybody locks executions: found by their ids and in the order of the index, they are locked as
  // they are found.
  const column = columnsOf(wanted.toSorted(inOrder));
  const hasNoGate = pastGates ? sql`` : sql`and not ${hasGate}`;
  const isUnlocked = skipLocked
    ? sql`and e.id in (select id from executions e where ${amongThem(wanted)} for update skip locked)`
    : sql``;
  const { rows } = await db.execute<ClaimedExecution>(sql`
    update executions e
    set status = 'running', worker = ${worker}, started_at = now(), function_version = f.version, gate = null
    from unnest(${column("executionId", "uuid")}, ${column("attempt", "int")}) as w(id, attempt), jobs j, functions f
    where e.id = w.id and ${amongThem(wanted)}
      and e.attempt = w.attempt and ${opaque(sql`e.status = 'pending'`)} and not e.held and e.available_at <= now()
      and exists (select from workers where id = ${worker} and stopped_at is null) ${hasNoGate} ${isUnlocked}
      and j.id = e.job_id and f.id = e.function_id
    returning e.id as "executionId", e.attempt, e.job_id as "jobId", j.name as "jobName",
      e.account_id as "accountId", e.function_id as "functionId", e.trigger, ${toMs(sql`e.scheduled_for`)} as "scheduledFor",
      j.payload, j.retry, j.delivery, j.timeout_ms as "timeoutMs", j.check_timeout_ms as "checkTimeoutMs", j.perform_timeout_ms as "performTimeoutMs",
      j.overlap->>'policy' in ('queue', 'cancel_running') as "othersMayWait",
      json_build_object('kind', f.kind, 'url', f.url, 'headers', f.headers, 'module', f.module,
        'check', f.has_check, 'timeoutMs', f.timeout_ms, 'connectTimeoutMs', f.connect_timeout_ms,
        'headersTimeoutMs', f.headers_timeout_ms, 'bodyTimeoutMs', f.body_timeout_ms,
        'secrets', case when f.kind = 'http' then ${secretsOf(sql`f.id`)} end,
        'version', f.version, 'hosts', f.hosts, 'limits', f.limits,
        'breaker', case when f.breaker_failed > 0 and f.breaker_failures > 0 then json_build_object('state', f.breaker_state,
          'retryInMs', extract(epoch from f.breaker_retry_at - now()) * 1000, 'openSeconds', f.breaker_open_seconds) end
      ) as function`);
  return rows;
}

const inOrder = (a: { executionId: string }, b: { executionId: string }): number =>
  a.executionId < b.executionId ? -1 : a.executionId > b.executionId ? 1 : 0;

/** Asked of each row by itself: for a join the planner would have to think, and there are few gates or none. */
const hasGate = opaque(sql`(select true from gates g where g.id = e.function_id or g.id = e.account_id limit 1)`);

export type Verdict = {
  executionId: string;
  attempt: number;
  status: FinalStatus;
  skipReason: SkipReason | null;
  error: ExecutionError | null;
  check: PhaseRecord | null;
  perform: PhaseRecord | null;
  rollback?: PhaseRecord | null;
  /** How far it was at last, if it ever said so. */
  progress?: Progress | null;
  /** As the claim said. Unless it is false the schedulers are woken if others of the job wait. */
  othersMayWait?: boolean;
};

/**
 * Writes verdicts of a worker that holds the claims. Returns the ids that were written: of the others the claim was
 * lost, and what the worker found out about them does not count. Where another of the job waits for its turn, or one
 * has failed whose job may have to be paused for it, the schedulers hear of it.
 *
 * Several plain statements where one is not enough: as parts of one statement, on a partitioned table, such writes made
 * Postgres 18.4 crash (segmentation fault) when a row that was to be locked changed under them.
 */
export async function finishExecutions(db: Db, worker: string, verdicts: readonly Verdict[]): Promise<Set<string>> {
  const skipped = verdicts.filter(({ status }) => status === "skipped");
  const failed = verdicts.filter(({ status }) => status === "failed");
  if (skipped.length === 0 && failed.length === 0) return new Set((await writeVerdicts(db, worker, verdicts)).keys());
  return inTransaction(db, async (tx) => {
    if (skipped.length > 0) await lockJobsOf(tx, skipped);
    const written = await writeVerdicts(tx, worker, verdicts);
    const wasWritten = ({ executionId: id }: Verdict) => written.has(id);
    await countDown(
      tx,
      skipped.filter(wasWritten).map(({ executionId: id }) => written.get(id) as string),
    );
    await leaveUnjudged(tx, failed.filter(wasWritten));
    return new Set(written.keys());
  });
}

/** The jobs of what was written, by its id. */
async function writeVerdicts(db: Db, worker: string, verdicts: readonly Verdict[]): Promise<Map<string, string>> {
  const column = columnsOf(
    verdicts.map(({ error, check, perform, rollback, progress, othersMayWait: _, ...verdict }) => ({
      ...verdict,
      error: jsonTextOrNull(error),
      check: jsonTextOrNull(check),
      perform: jsonTextOrNull(perform),
      rollback: jsonTextOrNull(rollback),
      progress: jsonTextOrNull(progress),
    })),
  );
  // Few functions have either; the others do not pay for it.
  const hasMore = verdicts.some(({ rollback, progress }) => rollback || progress);
  const more = hasMore ? sql`, ${column("rollback", "json")}, ${column("progress", "json")}` : sql``;
  const moreNames = hasMore ? sql`, rollback_phase, progress` : sql``;
  const setMore = hasMore
    ? sql`, rollback_phase = v.rollback_phase, progress = coalesce(v.progress, e.progress)`
    : sql``;
  const wakeForHeld = verdicts.some(({ othersMayWait }) => othersMayWait !== false) ? sql`, ${wakeIfHeld}` : sql``;
  const { rows } = await db.execute<{ id: string; jobId: string }>(sql`
    update executions e
    set status = v.status, skip_reason = v.skip_reason, error = v.error,
        check_phase = v.check_phase, perform_phase = v.perform_phase${setMore},
        completed_at = now(), duration_ms = extract(epoch from now() - e.started_at) * 1000
    from unnest(
      ${column("executionId", "uuid")}, ${column("attempt", "int")}, ${column("status", "text")},
      ${column("skipReason", "text")}, ${column("error", "json")}, ${column("check", "json")}, ${column("perform", "json")}${more}
    ) as v(id, attempt, status, skip_reason, error, check_phase, perform_phase${moreNames})
    where e.id = v.id and ${amongThem(verdicts)} and e.attempt = v.attempt and ${opaque(sql`e.worker = ${worker} and e.status = 'running'`)}
    returning e.id, e.job_id as "jobId"${wakeForHeld}`);
  return new Map(rows.map(({ id, jobId }) => [id, jobId]));
}

const wakeIfHeld = sql`case when exists (
      select from executions held where held.job_id = e.job_id and held.status = 'pending' and held.held
    ) then pg_notify(${WAKE_CHANNEL}, '') end`;

/** Before their executions are touched, as the order of locks has it. */
async function lockJobsOf(tx: Db, rows: readonly { executionId: string }[]): Promise<void> {
  await tx.execute(sql`
    select from jobs where id in (select e.job_id from executions e where ${amongThem(rows)})
    order by id for no key update`);
}

/** Each job's `run_count`, by one for each time that it is named: so many of its executions were skipped after all. */
async function countDown(tx: Db, jobIds: readonly string[]): Promise<void> {
  if (jobIds.length === 0) return;
  await tx.execute(sql`
    update jobs j set run_count = j.run_count - skipped.n
    from (select id, count(*)::int as n from unnest(${array(jobIds, "uuid")}) as s(id) group by id) skipped
    where j.id = skipped.id`);
}

/** Leaves what has failed to be judged by a scheduler, where the job is to be paused after so many failures. */
async function leaveUnjudged(tx: Db, failed: readonly { executionId: string }[]): Promise<void> {
  if (failed.length === 0) return;
  await tx.execute(sql`
    insert into unjudged_failures (execution_id, job_id)
    select e.id, e.job_id from executions e join jobs j on j.id = e.job_id
    where ${amongThem(failed)} and e.status = 'failed' and j.auto_pause_after > 0
    returning pg_notify(${WAKE_CHANNEL}, '')`);
}

export type FailedAttempt = Omit<Verdict, "status" | "skipReason" | "error" | "progress"> & {
  error: ExecutionError;
  retryInMs: number;
};

/**
 * The job of an execution that is about to become pending again, if it is active, with a share lock on its row: whoever
 * pauses it waits, or we see that it is paused. Without it an execution could become pending behind the back of a pause,
 * and start after the pause has returned.
 */
const activeJobOf = (id: string) => sql`
      select j.id, j.pool from jobs j
      where j.id = (select job_id from executions where id = ${id}) and j.status = 'active' and j.enabled
      for share`;

/**
 * Records an attempt as failed and makes the next one possible, unless the job has meanwhile been paused, disabled or
 * deleted, the execution was cancelled, or the claim was lost: then false, and nothing is written.
 */
export async function retryExecution(db: Db, worker: string, failed: FailedAttempt): Promise<boolean> {
  const { executionId: id } = failed;
  return inTransaction(db, async (tx) => {
    const { rows: jobs } = await tx.execute(activeJobOf(id));
    if (jobs.length === 0) return false;
    const { rowCount } = await tx.execute(sql`
      insert into attempts (execution_id, attempt, outcome, worker, started_at, ended_at, error, check_phase, perform_phase, rollback_phase)
      select id, attempt, 'failed', worker, started_at, now(),
        ${jsonOrNull(failed.error)}, ${jsonOrNull(failed.check)}, ${jsonOrNull(failed.perform)}, ${jsonOrNull(failed.rollback)}
      from (
        select * from executions
        where id = ${id} and attempt = ${failed.attempt} and worker = ${worker} and status = 'running'
          and cancel_requested_at is null
        for update
      ) failed`);
    if (rowCount === 0) return false;
    await tx.execute(sql`
      update executions e
      set status = 'pending', attempt = e.attempt + 1, worker = null, started_at = null, dispatch = 0, progress = null,
          available_at = ${nowMs} + make_interval(secs => ${failed.retryInMs} / 1000.0),
          publish_at = ${nowMs} + make_interval(secs => ${failed.retryInMs} / 1000.0)
      where id = ${id}
      returning pg_notify(${WAKE_CHANNEL}, '')`);
    return true;
  });
}

/**
 * Gives back a claim of which nothing was run, since this worker lacks the module, if another living worker of the
 * pool has it: as while workers are replaced one by one. It is published again in a moment. False if nobody has it,
 * the job is no longer active, or the claim was lost.
 */
export async function unclaimExecution(db: Db, worker: string, executionId: string, attempt: number): Promise<boolean> {
  const { rowCount } = await db.execute(sql`
    with job as (${activeJobOf(executionId)})
    update executions e
    set status = 'pending', worker = null, started_at = null, publish_at = ${nowMs} + interval '200 milliseconds'
    from job, functions f
    where e.id = ${executionId} and e.job_id = job.id and e.attempt = ${attempt} and e.worker = ${worker}
      and e.status = 'running' and e.cancel_requested_at is null and f.id = e.function_id
      and exists (select from workers w where w.stopped_at is null and w.pool = job.pool and f.module = any(w.modules))
    returning pg_notify(${WAKE_CHANNEL}, '')`);
  return rowCount === 1;
}

/** A claimed execution of which nothing was run and which is to be put off, for `inMs` from now. */
export type Postponement = { executionId: string; attempt: number; jobId: string; inMs: number };

/** `stopped`: its job was paused, disabled or deleted meanwhile; `cancelled`: somebody asked for that; `lost`: the claim is another's. */
export type Postponed = "postponed" | "stopped" | "cancelled" | "lost";

/**
 * Makes claimed executions pending again at the same attempt, as if they had not been claimed, and to start later.
 * Says for each, in their order, what became of it: only those that are `postponed` were written.
 *
 * With a share lock on the jobs' rows first, as everything that makes an execution pending again: see `activeJobOf`.
 */
export async function postponeExecutions(
  db: Db,
  worker: string,
  wanted: readonly Postponement[],
): Promise<Postponed[]> {
  const column = columnsOf(wanted);
  return inTransaction(db, async (tx) => {
    const active = await tx.execute<{ id: string }>(sql`
      select id from jobs where id = any(${column("jobId", "uuid")}) and status = 'active' and enabled
      order by id for share`);
    const activeIds = new Set(active.rows.map(({ id }) => id));
    const held = await tx.execute<{ id: string; attempt: number; cancelled: boolean }>(sql`
      select e.id, e.attempt, e.cancel_requested_at is not null as cancelled from executions e
      where ${amongThem(wanted)} and ${opaque(sql`e.worker = ${worker} and e.status = 'running'`)}
      order by e.id for update`);
    const byId = new Map(held.rows.map((row) => [row.id, row]));
    const outcomes = wanted.map(({ executionId, attempt, jobId }): Postponed => {
      const row = byId.get(executionId);
      if (row?.attempt !== attempt) return "lost";
      if (row.cancelled) return "cancelled";
      return activeIds.has(jobId) ? "postponed" : "stopped";
    });
    const postponed = wanted.filter((_, i) => outcomes[i] === "postponed");
    if (postponed.length > 0) {
      const those = columnsOf(postponed);
      await tx.execute(sql`
        update executions e
        set status = 'pending', worker = null, started_at = null,
            available_at = ${nowMs} + make_interval(secs => p.in_ms / 1000),
            publish_at = ${nowMs} + make_interval(secs => p.in_ms / 1000)
        from unnest(${those("executionId", "uuid")}, ${those("inMs", "float8")}) as p(id, in_ms)
        where e.id = p.id and ${amongThem(postponed)}`);
    }
    return outcomes;
  });
}

export type LostExecution = {
  executionId: string;
  jobId: string;
  accountId: string;
  attempt: number;
  worker: string;
  status: "pending" | "failed" | "cancelled";
};

/**
 * Ends the attempts of workers that were counted as lost or have stopped, or, given `of`, those that a living worker
 * says it does not run any more. Another attempt for jobs that want one, otherwise the execution fails; `error` says
 * why. What somebody else holds at the moment is left for the next time.
 *
 * The worker's row is joined, and not asked for in a sub-query, since only a join is looked at again when the row has
 * changed under us: a claim that has meanwhile gone to a living worker is none of ours.
 */
export async function recordLost(
  db: Db,
  {
    error,
    limit,
    of,
  }: { error: ExecutionError; limit: number; of?: { worker: string; executionIds: readonly string[] } },
): Promise<LostExecution[]> {
  const theirs = of
    ? sql`w.id = ${of.worker} and e.id = any(${array(of.executionIds, "uuid")})`
    : sql`w.stopped_at is not null`;
  return inTransaction(db, async (tx) => {
    const { rows: lost } = await tx.execute<Omit<LostExecution, "status"> & { cancelled: boolean; again: boolean }>(sql`
      select e.id as "executionId", e.job_id as "jobId", e.account_id as "accountId", e.attempt, e.worker,
        e.cancel_requested_at is not null as cancelled,
        e.cancel_requested_at is null and j.delivery = 'at_least_once' and j.status = 'active' and j.enabled
          and (select count(*) from attempts a where a.execution_id = e.id and a.outcome = 'lost') < ${MAX_LOST - 1} as again
      from workers w
      join executions e on e.worker = w.id and e.status = 'running'
      join jobs j on j.id = e.job_id
      where ${theirs}
      limit ${atMost(limit)}
      for update of e skip locked
      for share of j skip locked`);
    const { again = [], ended = [] } = Object.groupBy(lost, (one) => (one.again ? "again" : "ended"));
    await startAgain(tx, again, error);
    await endLost(tx, ended, error);
    return lost.map(({ cancelled, again, ...one }) => ({
      ...one,
      status: again ? "pending" : cancelled ? "cancelled" : "failed",
    }));
  });
}

async function startAgain(tx: Db, lost: readonly { executionId: string }[], error: ExecutionError): Promise<void> {
  if (lost.length === 0) return;
  await tx.execute(sql`
    insert into attempts (execution_id, attempt, outcome, worker, started_at, ended_at, error)
    select id, attempt, 'lost', worker, started_at, now(), ${jsonOrNull(error)} from executions e where ${amongThem(lost)}`);
  await tx.execute(sql`
    update executions e
    set status = 'pending', attempt = e.attempt + 1, worker = null, started_at = null, dispatch = 0, progress = null,
        available_at = ${nowMs}, publish_at = ${nowMs}
    where ${amongThem(lost)}`);
}

async function endLost(tx: Db, lost: readonly { executionId: string }[], error: ExecutionError): Promise<void> {
  if (lost.length === 0) return;
  await tx.execute(sql`
    update executions e
    set status = case when e.cancel_requested_at is null then 'failed' else 'cancelled' end, error = ${jsonOrNull(error)},
        completed_at = now(), duration_ms = extract(epoch from now() - e.started_at) * 1000
    where ${amongThem(lost)}`);
  await leaveUnjudged(tx, lost);
}

/**
 * Takes back what a job still has pending, in the transaction that has changed the job's row and so holds its lock: no
 * start can commit after that transaction. What was never tried is skipped. What waited for another attempt has run
 * and is not skipped: it ends as its last attempt did.
 */
export async function takeBackPending(tx: Db, jobId: string, reason: SkipReason): Promise<void> {
  for (let taken = TAKE_BACK_BATCH; taken === TAKE_BACK_BATCH; ) taken = await takeBackSome(tx, jobId, reason);
}

/** Rows that one statement takes back: some tenths of a second, however long the backlog of the job. */
const TAKE_BACK_BATCH = 5_000;

/** Plain statements, for the reason given at `finishExecutions`. */
async function takeBackSome(tx: Db, jobId: string, reason: SkipReason): Promise<number> {
  const { rows } = await tx.execute<{ id: string }>(sql`
    select id from executions where job_id = ${jobId} and status = 'pending'
    order by id limit ${atMost(TAKE_BACK_BATCH)} for update`);
  if (rows.length === 0) return 0;
  const ids = columnsOf(rows)("id", "uuid");
  await tx.execute(sql`
    update executions e
    set status = 'failed', attempt = last.attempt, worker = last.worker, started_at = last.started_at,
        completed_at = now(), duration_ms = extract(epoch from last.ended_at - last.started_at) * 1000,
        error = last.error, check_phase = last.check_phase, perform_phase = last.perform_phase,
        rollback_phase = last.rollback_phase
    from attempts last
    where e.id = any(${ids}) and last.execution_id = any(${ids}) and last.execution_id = e.id and last.attempt = e.attempt - 1`);
  await tx.execute(sql`
    delete from attempts a using executions e
    where e.id = any(${ids}) and a.execution_id = any(${ids}) and a.execution_id = e.id and a.attempt = e.attempt
      and e.status = 'failed'`);
  const { rowCount } = await tx.execute(sql`
    update executions set status = 'skipped', skip_reason = ${reason}, held = false, completed_at = now()
    where id = any(${ids}) and status = 'pending'`);
  await tx.execute(sql`update jobs set run_count = run_count - ${rowCount ?? 0} where id = ${jobId}`);
  return rows.length;
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
  const error: ExecutionError = { code: "CANCELLED", message: "cancelled while it waited" };
  return inTransaction(db, async (tx) => {
    const { rows } = await tx.execute<{ status: string }>(sql`
      select status from executions where id = ${executionId} and account_id = ${accountId} for update`);
    const status = rows[0]?.status;
    if (status === "pending") {
      await tx.execute(sql`
        update executions set status = 'cancelled', held = false, completed_at = now(), error = ${jsonOrNull(error)}
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
