/**
 * The circuit breaker of a function: when it opens and closes. It lives in the function's own row, which every claim
 * reads anyway, and is written only when something about it changes.
 */
import type { BreakerState } from "@belfry/contract/states.ts";
import { and, eq, isNull, type SQL, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { atMost, columnsOf, nowMs } from "./sql-values.ts";
import { functions } from "./tables/functions.ts";
import { inTransaction } from "./transaction.ts";

/** A function that keeps failing is tried again this seldom. */
const MAX_OPEN_SECONDS = 300;
/** 2 to the power of more than this is beyond the maximum anyway. */
const MAX_DOUBLINGS = 10;
/** Only after so long anybody asks whether the execution that tries is still running; one that has just begun is. */
const PROBE_SETTLES_SECONDS = 5;
/** Rows that one statement brings forward. */
const RELEASE_BATCH = 5_000;

/** What a closed breaker is, as columns of the function's row. */
export const CLOSED_BREAKER = {
  breakerState: "closed",
  breakerFailed: 0,
  breakerOpened: 0,
  breakerOpenedAt: null,
  breakerClosedAt: sql`case when breaker_state = 'closed' then breaker_closed_at else now() end`,
  breakerRetryAt: null,
  breakerProbe: null,
  breakerProbeAttempt: null,
} as const;

/** `openForMs`: how long it is open from now on, if it is. */
export type BreakerChange = { state: BreakerState; openForMs: number };

/**
 * Counts failures in a row of a function whose breaker is closed; `succeeded`: before them one came to a good end. Opens
 * it when there are enough. Null if nothing changed, or it is not closed: then what others found out counts.
 */
export async function countFailures(
  db: Db,
  functionId: string,
  { succeeded, failures }: { succeeded: boolean; failures: number },
): Promise<BreakerChange | null> {
  const failed = sql`(${succeeded ? sql`0` : sql`breaker_failed`} + ${failures}::int)`;
  const opens = sql`${failed} >= breaker_failures`;
  const { rows } = await db.execute<BreakerChange>(sql`
    update functions
    set breaker_failed = ${failed},
        breaker_state = case when ${opens} then 'open' else 'closed' end,
        breaker_opened = case when ${opens} then 1 else 0 end,
        breaker_opened_at = case when ${opens} then now() end,
        breaker_retry_at = case when ${opens} then now() + make_interval(secs => breaker_open_seconds) end
    where id = ${functionId} and breaker_state = 'closed' and breaker_failures > 0 and breaker_failed <> ${failed}
    returning breaker_state as state, breaker_open_seconds * 1000 as "openForMs"`);
  return rows[0] ?? null;
}

/**
 * Makes an execution that this worker has claimed the one that tries whether a function has recovered. False if it is
 * too early, or another one tries: one whose claim is gone, as its worker has died, does not any more. Asked again by the one that tries, the answer is the same.
 */
export async function startProbe(
  db: Db,
  functionId: string,
  { executionId, attempt }: { executionId: string; attempt: number },
): Promise<boolean> {
  // `breaker_retry_at` is looked at again when another one was first. The executions are not: they are read as they
  // were when this began, and by then the other's claim may not have been there.
  const { rowCount } = await db.execute(sql`
    update functions f
    set breaker_state = 'half_open', breaker_probe = ${executionId}, breaker_probe_attempt = ${attempt},
        breaker_retry_at = now() + make_interval(secs => ${PROBE_SETTLES_SECONDS})
    where f.id = ${functionId} and f.breaker_state <> 'closed' and (
      f.breaker_probe = ${executionId} and f.breaker_probe_attempt = ${attempt}
      or f.breaker_retry_at <= now() and not exists (
        select from executions e
        where e.id = f.breaker_probe and e.attempt = f.breaker_probe_attempt and e.status = 'running'))`);
  return rowCount === 1;
}

/** What the try has shown; `unknown` if it was stopped before it could show anything. */
export type ProbeResult = "recovered" | "failing" | "unknown";

/** Closes the breaker, or opens it again for twice as long; after `unknown` another execution may try at once. Null if this one is not the one that tries. */
export async function endProbe(
  db: Db,
  functionId: string,
  { executionId, attempt }: { executionId: string; attempt: number },
  result: ProbeResult,
): Promise<BreakerChange | null> {
  const [row] = await db
    .update(functions)
    .set(afterProbe(result))
    .where(
      and(
        eq(functions.id, functionId),
        eq(functions.breakerState, "half_open"),
        eq(functions.breakerProbe, executionId),
        eq(functions.breakerProbeAttempt, attempt),
      ),
    )
    .returning({
      state: functions.breakerState,
      openForMs: sql<number>`coalesce(extract(epoch from breaker_retry_at - now()) * 1000, 0)::float8`,
    });
  return row ?? null;
}

function afterProbe(result: ProbeResult) {
  if (result === "recovered") return CLOSED_BREAKER;
  const open = { breakerState: "open", breakerProbe: null, breakerProbeAttempt: null } as const;
  if (result === "unknown") return { ...open, breakerRetryAt: sql`now()` };
  const seconds = sql`least(${MAX_OPEN_SECONDS}, breaker_open_seconds * power(2, least(breaker_opened, ${MAX_DOUBLINGS})))`;
  return {
    ...open,
    breakerFailed: sql`breaker_failed + 1`,
    breakerOpened: sql`breaker_opened + 1`,
    breakerOpenedAt: sql`now()`,
    breakerRetryAt: sql`now() + make_interval(secs => ${seconds})`,
  };
}

/**
 * Closes the breaker of an account's function and lets what it has postponed start at once. False if the account has
 * no such function.
 */
export async function resetBreaker(db: Db, accountId: string, functionId: string): Promise<boolean> {
  const [row] = await db
    .update(functions)
    .set(CLOSED_BREAKER)
    .where(and(eq(functions.id, functionId), eq(functions.accountId, accountId), isNull(functions.deletedAt)))
    .returning({ id: functions.id });
  if (!row) return false;
  for (let released = RELEASE_BATCH; released === RELEASE_BATCH; ) released = await releasePostponed(db, functionId);
  return true;
}

async function releasePostponed(db: Db, functionId: string): Promise<number> {
  return inTransaction(db, async (tx) => {
    const { rows } = await tx.execute<{ id: string }>(sql`
      select e.id from jobs j join executions e on e.job_id = j.id
      where j.function_id = ${functionId} and e.status = 'pending' and ${isPostponed}
      order by e.id limit ${atMost(RELEASE_BATCH)} for update of e skip locked`);
    if (rows.length === 0) return 0;
    await tx.execute(sql`
      update executions set available_at = ${nowMs}, publish_at = ${nowMs}
      where id = any(${columnsOf(rows)("id", "uuid")})`);
    return rows.length;
  });
}

/**
 * Of a pending execution `e`: it had its turn on the queue and was put off. What waits for its first start or for
 * another attempt has not been there yet.
 */
export const isPostponed: SQL = sql`(not e.held and e.gate is null and e.dispatch > 0 and e.available_at > now())`;
