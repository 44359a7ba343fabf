import { type SQL, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import {
  countRunning,
  dropEndedHolds,
  type Gate,
  letGo,
  lockGates,
  PARKED_UNTIL,
  RELEASE_BATCH,
  readGates,
} from "./gates.ts";
import { array, columnsOf, nowMs } from "./sql-values.ts";
import { inTransaction } from "./transaction.ts";

/** Gates that one transaction locks at most. */
const BATCH = 50;

/**
 * Puts right whatever was missed at the gates: lets those go for whom there is room, above all by rate limits, whose
 * room comes with time; counts what runs and is not counted; forgets what has ended. Any number of schedulers may do it
 * at once. Returns how many were let go, and in how many milliseconds the next has its turn, null if nobody knows.
 */
export async function tendGates(db: Db): Promise<{ released: number; nextInMs: number | null }> {
  const ids = await gatesToTend(db);
  let released = 0;
  let nextInMs: number | null = null;
  for (let i = 0; i < ids.length; i += BATCH) {
    const tended = await inTransaction(db, (tx) => tendSome(tx, ids.slice(i, i + BATCH)));
    released += tended.released;
    if (tended.nextInMs !== null) nextInMs = Math.min(nextInMs ?? Number.POSITIVE_INFINITY, tended.nextInMs);
  }
  await freeOrphans(db);
  return { released, nextInMs };
}

/** Asked without locks: gates where somebody waits, or what counts and what runs are not the same, or that are over. */
async function gatesToTend(db: Db): Promise<string[]> {
  const { rows } = await db.execute<{ id: string }>(sql`
    select g.id from gates g
    where exists (select from executions e where e.gate = g.id and e.status = 'pending')
    union
    select h.gate_id from gate_holds h
    where not exists (
      select from executions e where e.id = h.execution_id and e.attempt = h.attempt and e.status = 'running')
    union
    select g.id from executions e join gates g on g.id in (e.function_id, e.account_id)
    where e.status = 'running' and not exists (
      select from gate_holds h where h.execution_id = e.id and h.attempt = e.attempt and h.gate_id = g.id)
    union
    select g.id from gates g where ${isOver}
    union
    select s.gate_id from gate_starts s where ${noLongerCounts}
    order by id`);
  return rows.map(({ id }) => id);
}

/** Nothing is limited here any more: the limits were taken away, or the function was deleted. */
const isOver = sql`not exists (
  select from functions f where f.id = g.id and f.deleted_at is null
    and (f.max_concurrency is not null or f.rate_limit is not null)
) and not exists (
  select from accounts a where a.id = g.id and (a.max_concurrency is not null or a.rate_limit is not null))`;

const noLongerCounts = sql`s.at <= now() - make_interval(secs => coalesce(
  (select (f.rate_limit->>'per_seconds')::int from functions f where f.id = s.gate_id),
  (select (a.rate_limit->>'per_seconds')::int from accounts a where a.id = s.gate_id), 0))`;

async function tendSome(tx: Db, ids: readonly string[]): Promise<{ released: number; nextInMs: number | null }> {
  const locked = await lockGates(tx, ids);
  const known = array(ids, "uuid");
  await dropEndedHolds(tx, ids);
  await countRunning(tx, locked);
  await tx.execute(sql`delete from gate_starts s where s.gate_id = any(${known}) and ${noLongerCounts}`);
  await tx.execute(sql`
    delete from gates g where g.id = any(${known}) and ${isOver}
      and not exists (select from executions e where e.gate = g.id and e.status = 'pending')`);
  const { now, gates } = await readGates(tx, locked);
  const released = await letGo(tx, gates);
  const turns: (number | null)[] = [];
  for (const gate of gates) turns.push(await nextTurn(tx, gate));
  return { released, nextInMs: released < RELEASE_BATCH ? soonest(turns, now) : 0 };
}

/** When a place by the rate limit is free again, in milliseconds since the epoch, if somebody waits for it. */
async function nextTurn(tx: Db, { id, waiting, rateLimit, started }: Gate): Promise<number | null> {
  if (!waiting || rateLimit === null || started < rateLimit.starts) return null;
  const { rows } = await tx.execute<{ at: number }>(sql`
    select (extract(epoch from at) * 1000)::float8 as at from gate_starts
    where gate_id = ${id} order by at desc offset ${rateLimit.starts - 1} limit 1`);
  return rows[0] ? rows[0].at + rateLimit.per_seconds * 1_000 : null;
}

function soonest(turns: readonly (number | null)[], now: number): number | null {
  const known = turns.filter((turn) => turn !== null);
  return known.length === 0 ? null : Math.max(1, Math.min(...known) - now);
}

/**
 * Rows that wait at a gate which is no more: nobody but us would let them go. The gates of those who wait are looked up
 * one by one in the index, however many wait at each.
 */
async function freeOrphans(db: Db): Promise<void> {
  const nextGate = (after: SQL) =>
    sql`select (
      select e.gate from executions e where e.status = 'pending' and e.gate is not null ${after} order by e.gate limit 1
    ) as id`;
  const { rows: gone } = await db.execute<{ id: string }>(sql`
    with recursive waited_at as (
      ${nextGate(sql``)}
      union all
      select next.id from waited_at w, lateral (${nextGate(sql`and e.gate > w.id`)}) next where w.id is not null
    )
    select id from waited_at w where w.id is not null and not exists (select from gates g where g.id = w.id)`);
  if (gone.length === 0) return;
  await inTransaction(db, async (tx) => {
    const { rows } = await tx.execute<{ id: string }>(sql`
      select id from executions
      where status = 'pending' and gate = any(${columnsOf(gone)("id", "uuid")})
      order by id limit 1000 for update skip locked`);
    if (rows.length === 0) return;
    const ids = array(
      rows.map(({ id }) => id),
      "uuid",
    );
    await tx.execute(sql`
      update executions set gate = null, publish_at = case when publish_at = ${PARKED_UNTIL} then ${nowMs} else publish_at end
      where id = any(${ids}) and status = 'pending'`);
  });
}
