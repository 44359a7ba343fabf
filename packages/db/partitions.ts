/**
 * The partitions of the ledger. `executions` and `attempts` are partitioned by the id of the execution, in which the
 * instant of its occurrence is the first part: so what is looked up by id is looked for in one partition, and what
 * has expired is let go as a whole. Rows of a time that has no partition are in the default one.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { instantOfExecutionId, leastExecutionId } from "./execution-id.ts";
import { pgCode } from "./pg-error.ts";
import { inTransaction } from "./transaction.ts";

/** Each with the column that holds the execution's id. */
const TABLES = [
  { table: "executions", id: "id" },
  { table: "attempts", id: "execution_id" },
] as const;

export type PartitionedTable = (typeof TABLES)[number]["table"];

/** From `from` up to but not including `to`, in milliseconds since the epoch. */
export type Partition = { name: string; from: number; to: number };

const DAY_MS = 86_400_000;
/** Made so long before its time at least: housekeeping may stand still for days. */
const AHEAD_MS = 3 * DAY_MS;
/** Rows of the default partition that are moved into a new one at most, some tenths of a second: everybody waits. */
const MAX_MOVED = 10_000;

/**
 * How long a partition's time is: a statement that has to look into all of them gets dearer with their number, so the
 * longer the ledger is kept, the longer it is. `retentionDays` 0 is for ever.
 */
export function periodMs(retentionDays: number): number {
  if (retentionDays === 0 || retentionDays > 91) return 28 * DAY_MS;
  return (retentionDays > 14 ? 7 : 1) * DAY_MS;
}

/**
 * Makes the partitions of the present and of the time ahead, as far as there are none. Returns their names. Any number
 * may do it at once. `now` in milliseconds.
 */
export async function makePartitions(
  db: Db,
  { now, retentionDays }: { now: number; retentionDays: number },
): Promise<string[]> {
  const period = periodMs(retentionDays);
  const made: string[] = [];
  for (const { table, id } of TABLES) {
    for (let from = Math.floor(now / period) * period; from < now + period + AHEAD_MS; from += period) {
      const name = await makePartition(db, table, id, { from, to: from + period });
      if (name !== null) made.push(name);
    }
  }
  return made;
}

/** Null if others have that time, or if too much of it is in the default partition already. */
async function makePartition(
  db: Db,
  table: PartitionedTable,
  id: string,
  wanted: { from: number; to: number },
): Promise<string | null> {
  if ((await startOf(db, table, wanted)) === null) return null;
  const [whole, rest] = [sql.identifier(table), sql.identifier(`${table}_default`)];
  const locks = [sql`${whole} in share update exclusive mode`, sql`${rest} in access exclusive mode`];
  return lockingLedger(db, locks, async (tx) => {
    const from = await startOf(tx, table, wanted);
    if (from === null) return null;
    const name = `${table}_${new Date(from).toISOString().slice(0, 10).replaceAll("-", "")}`;
    const [start, end] = [leastExecutionId(from), leastExecutionId(wanted.to)];
    const [rows, partition] = [sql.identifier(id), sql.identifier(name)];
    const within = sql`${rows} >= ${start} and ${rows} < ${end}`;

    const { rows: found } = await tx.execute(sql`select from ${rest} where ${within} limit ${MAX_MOVED + 1}`);
    if (found.length > MAX_MOVED) return null;
    await tx.execute(sql`create table ${partition} (like ${rest} including all)`);
    await tx.execute(sql`
      with moved as (delete from ${rest} where ${within} returning *) insert into ${partition} select * from moved`);
    await tx.execute(
      sql`alter table ${whole} attach partition ${partition} for values from (${sql.raw(`'${start}'`)}) to (${sql.raw(`'${end}'`)})`,
    );
    return name;
  });
}

/** With another length of time than before, a partition begins where the last one of the old length ends. */
async function startOf(db: Db, table: PartitionedTable, wanted: { from: number; to: number }): Promise<number | null> {
  const others = (await readPartitions(db, table)).filter(({ from, to }) => from < wanted.to && to > wanted.from);
  const from = Math.max(wanted.from, ...others.map(({ to }) => to));
  return from < wanted.to ? from : null;
}

const LOCK_NOT_AVAILABLE = "55P03";
const MAX_TRIES = 20;

/**
 * A transaction that holds locks on the ledger's tables for which everybody waits. As soon as it asks for one, everybody
 * waits with it: so it asks briefly, and tries again after a while. Locks are taken on the table before its partitions,
 * as by every statement, and none is made stronger later: that is how two would wait for each other.
 */
export async function lockingLedger<T>(db: Db, locks: readonly SQL[], work: (tx: Db) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await inTransaction(db, async (tx) => {
        await tx.execute(sql`set local lock_timeout = '500ms'`);
        for (const lock of locks) await tx.execute(sql`lock table ${lock}`);
        return work(tx);
      });
    } catch (error) {
      if (pgCode(error) !== LOCK_NOT_AVAILABLE || tries === MAX_TRIES) throw error;
      await sleep(tries * 50);
    }
  }
}

/** The partitions of a table but for the default one, by time. */
export async function readPartitions(db: Db, table: PartitionedTable): Promise<Partition[]> {
  const { rows } = await db.execute<{ name: string; bounds: string }>(sql`
    select c.relname as name, pg_get_expr(c.relpartbound, c.oid) as bounds
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = ${table}::regclass and not i.inhdetachpending`);
  return rows
    .flatMap(({ name, bounds }) => {
      const [, from, to] = /FROM \('([0-9a-f-]{36})'\) TO \('([0-9a-f-]{36})'\)/.exec(bounds) ?? [];
      return from && to ? [{ name, from: instantOfExecutionId(from), to: instantOfExecutionId(to) }] : [];
    })
    .sort((a, b) => a.from - b.from);
}
