/** When which execution is put on the queue. The ledger is the outbox: nothing is published that is not committed. */
import type { Priority } from "@belfry/contract/states.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { WAKE_CHANNEL } from "./listen.ts";
import { array, atMost, nowMs, opaque } from "./sql-values.ts";

/**
 * A message that no worker turned into a claim within this time is published again: its queue was wiped, or the
 * worker that had fetched it died. Doubled each time up to the maximum, so that a long backlog is not multiplied.
 */
export const REPUBLISH_SECONDS = 10;
const REPUBLISH_MAX_SECONDS = 60;
/** 2 to the power of more than this is beyond the maximum anyway, and of much more beyond what a number holds. */
const MAX_DOUBLINGS = 10;

/** One execution's turn on the queue. */
export type Dispatch = {
  executionId: string;
  attempt: number;
  dispatch: number;
  accountId: string;
  pool: string;
  priority: Priority;
};

/**
 * Takes pending executions whose time to be published has come: new ones by a call, retries, and those whose message
 * was lost. Whoever takes them publishes them after this has committed. Those of the accounts `except` are left.
 */
export async function takeForPublish(db: Db, limit: number, except: readonly string[] = []): Promise<Dispatch[]> {
  const ofOthers = except.length === 0 ? sql`` : sql`and e.account_id <> all(${array(except, "uuid")})`;
  const { rows } = await db.execute<Dispatch>(sql`
    with due as (
      select e.id, j.pool, j.priority
      from executions e join jobs j on j.id = e.job_id ${ofOthers}
      where e.status = 'pending' and not e.held and e.publish_at <= now()
      order by e.publish_at
      limit ${atMost(limit)}
      for update of e skip locked
    )
    update executions e
    set dispatch = e.dispatch + 1,
        publish_at = now() + make_interval(secs => least(
          ${REPUBLISH_MAX_SECONDS}, ${REPUBLISH_SECONDS} * power(2, least(e.dispatch, ${MAX_DOUBLINGS}))))
    from due
    where e.id = due.id
    returning e.id as "executionId", e.attempt, e.dispatch, e.account_id as "accountId", due.pool, due.priority`);
  return rows;
}

/** Milliseconds until the next pending execution is to be published, 0 or less if one is, null if none waits. */
export async function msUntilNextPublish(db: Db): Promise<number | null> {
  const { rows } = await db.execute<{ ms: number | null }>(sql`
    select (extract(epoch from min(publish_at) - clock_timestamp()) * 1000)::float8 as ms from executions
    where status = 'pending' and not held`);
  return rows[0]?.ms ?? null;
}

/**
 * These did not get to a worker by way of the queue and are to be published again `inMs` from now. Rows that somebody
 * else holds at the moment are being claimed or taken back, and are left alone.
 */
export async function returnToPublish(db: Db, executionIds: readonly string[], inMs: number): Promise<void> {
  await db.execute(sql`
    update executions set publish_at = greatest(available_at, ${nowMs} + make_interval(secs => ${inMs} / 1000.0))
    where id = any(${array(executionIds, "uuid")}) and id in (
      select id from executions where id = any(${array(executionIds, "uuid")}) and ${opaque(sql`status = 'pending'`)}
      for update skip locked
    ) ${inMs === 0 ? sql`returning pg_notify(${WAKE_CHANNEL}, 'publish')` : sql``}`);
}
