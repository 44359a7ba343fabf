/**
 * The partitions of the ledger. `executions` and `attempts` are partitioned by the id of the execution, in which the
 * instant of its occurrence is the first part: so what is looked up by id is looked for in one partition, and what
 * has expired is let go as a whole. Rows of a time that has no partition are in the default one.
 */
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { instantOfExecutionId, leastExecutionId } from "./execution-id.ts";
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
/** Rows of the default partition that are moved into a new one at most, since nobody can write meanwhile. */
const MAX_MOVED = 50_000;
/** Any constant that nothing else locks. */
const PARTITIONS_LOCK = 0xbe1fa;

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
 * at once wait for each other. `now` in milliseconds.
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
  return inTransaction(db, async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${PARTITIONS_LOCK})`);
    const others = (await readPartitions(tx, table)).filter(({ from, to }) => from < wanted.to && to > wanted.from);
    // With another length of time than before, a partition begins where the last one of the old length ends.
    const from = Math.max(wanted.from, ...others.map(({ to }) => to));
    if (from >= wanted.to) return null;
    const name = `${table}_${new Date(from).toISOString().slice(0, 10).replaceAll("-", "")}`;
    const [start, end] = [leastExecutionId(from), leastExecutionId(wanted.to)];
    const [rows, whole, partition] = [sql.identifier(id), sql.identifier(table), sql.identifier(name)];
    const rest = sql.identifier(`${table}_default`);
    const within = sql`${rows} >= ${start} and ${rows} < ${end}`;

    await tx.execute(sql`lock table ${rest} in share row exclusive mode`);
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
