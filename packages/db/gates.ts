/**
 * Gates: what has to be passed to start an attempt of a function or an account that has limits. Whoever counts at a
 * gate holds its row locked. Locks are taken on gates first, by id, and then on executions, by id.
 */
import type { RateLimit } from "@belfry/contract/limits.ts";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { WAKE_CHANNEL } from "./listen.ts";
import { array, nowMs, toInstant, toMs } from "./sql-values.ts";

/** Where the turn on the queue of a row that waits at a gate is put: nobody publishes it before it is let go. */
export const PARKED_UNTIL: SQL = sql`'9999-01-01T00:00:00Z'::timestamptz`;

/**
 * What was let go is on its way to a worker, and its place is kept, for so long. After it there may be no worker that
 * takes it, and others have their turn; should it come after all, it is counted again.
 */
const UNDER_WAY_SECONDS = 3;

/** Rows that are let go in one transaction, where no limit says less. */
export const RELEASE_BATCH = 1_000;

/** A gate as its lock's holder sees it. Instants in milliseconds since the epoch. */
export type Gate = {
  id: string;
  maxConcurrency: number | null;
  rateLimit: RateLimit | null;
  /** Attempts that run. */
  running: number;
  /** Starts in the `per_seconds` up to now; 0 without a rate limit. */
  started: number;
  /** Let go, and on the way to a worker. */
  underWay: number;
  /** Whether any execution waits. */
  waiting: boolean;
};

/** The exact condition by which a row of `gate_holds` counts. */
const holdCounts = sql`exists (
  select from executions e where e.id = h.execution_id and e.attempt = h.attempt and e.status = 'running')`;

const limitsOf = {
  maxConcurrency: sql`coalesce(f.max_concurrency, a.max_concurrency)`,
  rateLimit: sql`case when f.id is null then a.rate_limit else f.rate_limit end`,
};
const withOwner = sql`left join functions f on f.id = g.id left join accounts a on a.id = g.id`;

/** Locks gates until the transaction ends. Returns those that there are. */
export async function lockGates(tx: Db, ids: readonly string[]): Promise<string[]> {
  const { rows } = await tx.execute<{ id: string }>(
    sql`select id from gates where id = any(${array(ids, "uuid")}) order by id for update`,
  );
  return rows.map(({ id }) => id);
}

/**
 * What locked gates are like at this moment: `now` is read under the locks, so that it comes after every start that was
 * let through before. A statement of its own, since the one that waited for the locks sees what was before.
 */
export async function readGates(tx: Db, ids: readonly string[]): Promise<{ now: number; gates: Gate[] }> {
  const { rows } = await tx.execute<Gate & { now: number }>(sql`
    with moment as materialized (select date_trunc('milliseconds', clock_timestamp()) as now)
    select g.id, ${limitsOf.maxConcurrency} as "maxConcurrency", ${limitsOf.rateLimit} as "rateLimit",
      (select count(*)::int from gate_holds h where h.gate_id = g.id and ${holdCounts}) as running,
      (select count(*)::int from gate_starts s
        where s.gate_id = g.id and s.at > moment.now - make_interval(secs => (${limitsOf.rateLimit}->>'per_seconds')::int)
      ) as started,
      (select count(*)::int from executions e
        where e.gate = g.id and e.status = 'pending' and e.publish_at < ${PARKED_UNTIL}
          and e.available_at > moment.now - make_interval(secs => ${UNDER_WAY_SECONDS})
      ) as "underWay",
      exists (select from executions e where e.gate = g.id and e.status = 'pending' and e.publish_at = ${PARKED_UNTIL}) as waiting,
      ${toMs(sql`moment.now`)} as now
    from moment, gates g ${withOwner}
    where g.id = any(${array(ids, "uuid")})
    order by g.id`);
  return { now: rows[0]?.now ?? 0, gates: rows };
}

/** How many more may start now, as far as running attempts and past starts go. */
export function roomAt({ maxConcurrency, rateLimit, running, started }: Gate): number {
  return Math.max(
    0,
    Math.min(
      maxConcurrency === null ? Number.POSITIVE_INFINITY : maxConcurrency - running,
      rateLimit === null ? Number.POSITIVE_INFINITY : rateLimit.starts - started,
    ),
  );
}

/**
 * Lets as many go as there is room for at locked gates, in the order of their occurrences, and tells the schedulers,
 * who publish them. Returns how many. Rows that somebody else holds are being taken back, and are passed over.
 */
export async function letGo(tx: Db, gates: readonly Gate[]): Promise<number> {
  let released = 0;
  for (const gate of gates) {
    const room = Math.min(RELEASE_BATCH, roomAt(gate) - gate.underWay);
    if (!gate.waiting || room <= 0) continue;
    const { rows } = await tx.execute<{ id: string }>(sql`
      select id from executions
      where gate = ${gate.id} and status = 'pending' and publish_at = ${PARKED_UNTIL}
      order by id limit ${room} for update skip locked`);
    if (rows.length === 0) continue;
    const ids = rows.map(({ id }) => id);
    await tx.execute(sql`
      update executions set available_at = ${nowMs}, publish_at = ${nowMs} where id = any(${array(ids, "uuid")})`);
    released += ids.length;
  }
  if (released > 0) await tx.execute(sql`select pg_notify(${WAKE_CHANNEL}, 'publish')`);
  return released;
}

/** Makes these executions wait at a locked gate. The transaction holds their rows. */
export async function park(tx: Db, gateId: string, executionIds: readonly string[]): Promise<void> {
  await tx.execute(sql`
    update executions set gate = ${gateId}, publish_at = ${PARKED_UNTIL}
    where id = any(${array(executionIds, "uuid")}) and status = 'pending'`);
}

/** Notes what runs behind these gates and is not counted yet: it was claimed before the gate was there. */
export async function countRunning(tx: Db, gateIds: readonly string[]): Promise<void> {
  await tx.execute(sql`
    insert into gate_holds (gate_id, execution_id, attempt)
    select g.id, e.id, e.attempt
    from executions e join gates g on g.id in (e.function_id, e.account_id)
    where e.status = 'running' and g.id = any(${array(gateIds, "uuid")})
    on conflict do nothing`);
}

/** Forgets holds that no longer count, behind locked gates. */
export async function dropEndedHolds(tx: Db, gateIds: readonly string[]): Promise<void> {
  await tx.execute(
    sql`delete from gate_holds h where h.gate_id = any(${array(gateIds, "uuid")}) and not ${holdCounts}`,
  );
}

/** Notes starts at `at`, in milliseconds, at gates with a rate limit. */
export async function recordStarts(tx: Db, gateId: string, count: number, at: number): Promise<void> {
  await tx.execute(
    sql`insert into gate_starts (gate_id, at) select ${gateId}, ${toInstant(at)} from generate_series(1, ${count})`,
  );
}
