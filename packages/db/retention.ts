/**
 * What of the ledger has expired is let go, a partition at a time, and goes into each job's totals: so what `run_count`
 * and the accounting say can still be checked.
 */
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { leastExecutionId } from "./execution-id.ts";
import { lockingLedger, type Partition, type PartitionedTable, periodMs, readPartitions } from "./partitions.ts";
import { toInstant, toMs } from "./sql-values.ts";
import { inTransaction } from "./transaction.ts";

export type Expiry = {
  /** From here on everything is kept; null if the ledger is kept for ever. */
  keptFrom: number | null;
  /** Partitions of the ledger that are gone. */
  dropped: string[];
  /** Partitions that have expired and stay for now, and why. */
  kept: { name: string; why: string }[];
  /** Rows of the default partition that are gone. */
  deleted: number;
};

/** How long the ledger is kept if nobody says otherwise. */
export const DEFAULT_RETENTION_DAYS = 90;

const DAY_MS = 86_400_000;
/** Rows that one statement deletes: some tenths of a second. */
const DELETE_BATCH = 5_000;

/**
 * Lets go of executions whose occurrence is older than `retentionDays` (0: of none), with their attempts and with
 * changes of plans that nothing depends on any more. Whole partitions only, so some stay a little longer; one stays
 * while anything in it is open, or stands for a range that reaches into what is kept. `now` in milliseconds.
 *
 * Counting a partition may take minutes: `db` has a deadline that allows it. Stopped anywhere, the next call goes on.
 */
export async function dropExpired(
  db: Db,
  { now, retentionDays }: { now: number; retentionDays: number },
): Promise<Expiry> {
  if (retentionDays === 0) return { keptFrom: null, dropped: [], kept: [], deleted: 0 };
  const period = periodMs(retentionDays);
  const keptFrom = Math.floor((now - retentionDays * DAY_MS) / period) * period;
  const expiry: Expiry = { keptFrom, dropped: [], kept: [], deleted: 0 };

  for (const name of (await readFloor(db))?.detached ?? []) expiry.dropped.push(await archive(db, name));
  for (const partition of await readExpired(db, "executions", keptFrom)) {
    const why = await detach(db, partition, keptFrom);
    if (why === null) expiry.dropped.push(await archive(db, partition.name));
    else expiry.kept.push({ name: partition.name, why });
  }
  expiry.deleted = await deleteFromDefault(db, keptFrom);
  if ((await readFloor(db)) !== null) {
    await dropAttempts(db, keptFrom);
    await forgetChanges(db, keptFrom);
  }
  return expiry;
}

/** From when on the ledger is kept, in milliseconds, and what was detached and not counted yet; null if it is whole. */
export async function readFloor(db: Db): Promise<{ keptFrom: number; detached: string[] } | null> {
  const { rows } = await db.execute<{ keptFrom: number; detached: string[] }>(
    sql`select ${toMs(sql`kept_from`)} as "keptFrom", detached from ledger_floor`,
  );
  return rows[0] ?? null;
}

async function readExpired(db: Db, table: PartitionedTable, keptFrom: number): Promise<Partition[]> {
  return (await readPartitions(db, table)).filter(({ to }) => to <= keptFrom);
}

/** Takes a partition out of the ledger; why not, if it is to stay. Short: everybody waits for it. */
async function detach(db: Db, { name }: Partition, keptFrom: number): Promise<string | null> {
  return lockingLedger(db, [sql`executions in access exclusive mode`], async (tx) => {
    const { rows } = await tx.execute<{ open: boolean; reaches: boolean }>(sql`
      select exists (select from ${sql.identifier(name)} where status in ('pending', 'running')) as open,
        exists (select from ${sql.identifier(name)} where occurrences > 1 and scheduled_until >= ${toInstant(keptFrom)}) as reaches`);
    if (rows[0]?.open) return "something in it is still pending or running";
    if (rows[0]?.reaches) return "a range of misfires in it reaches into what is kept";
    await tx.execute(sql`alter table executions detach partition ${sql.identifier(name)}`);
    await raiseFloor(tx, keptFrom, sql`array[${name}]::text[]`);
    return null;
  });
}

async function raiseFloor(tx: Db, keptFrom: number, detached: SQL): Promise<void> {
  await tx.execute(sql`
    insert into ledger_floor as f (kept_from, detached) values (${toInstant(keptFrom)}, ${detached})
    on conflict (singleton) do update
    set kept_from = greatest(f.kept_from, excluded.kept_from), detached = f.detached || excluded.detached`);
}

/** Counts what a detached partition holds and drops it. Returns its name. */
async function archive(db: Db, name: string): Promise<string> {
  await inTransaction(db, async (tx) => {
    await addToTotals(tx, sql`select * from ${sql.identifier(name)}`);
    await tx.execute(sql`drop table ${sql.identifier(name)}`);
    await tx.execute(sql`update ledger_floor set detached = array_remove(detached, ${name})`);
  });
  return name;
}

async function addToTotals(tx: Db, gone: SQL): Promise<void> {
  const occurrences = (status: string): SQL =>
    sql`coalesce(sum(occurrences) filter (where trigger = 'schedule' and status = ${status}), 0)`;
  await tx.execute(sql`
    insert into archived_totals as t (job_id, runs, success, failed, cancelled, skipped)
    select job_id, count(*) filter (where status <> 'skipped'),
      ${occurrences("success")}, ${occurrences("failed")}, ${occurrences("cancelled")}, ${occurrences("skipped")}
    from (${gone}) gone
    group by job_id
    on conflict (job_id) do update
    set runs = t.runs + excluded.runs, success = t.success + excluded.success, failed = t.failed + excluded.failed,
        cancelled = t.cancelled + excluded.cancelled, skipped = t.skipped + excluded.skipped`);
}

/** Few: occurrences of a time that had no partition yet, or none any more. */
async function deleteFromDefault(db: Db, keptFrom: number): Promise<number> {
  let deleted = 0;
  for (let batch = DELETE_BATCH; batch === DELETE_BATCH; deleted += batch) {
    batch = await inTransaction(db, async (tx) => {
      const { rows } = await tx.execute<{ id: string }>(sql`
        select id from executions_default
        where id < ${leastExecutionId(keptFrom)} and status not in ('pending', 'running')
          and scheduled_until < ${toInstant(keptFrom)}
        order by id limit ${DELETE_BATCH} for update`);
      if (rows.length === 0) return 0;
      const those = sql`id = any(${sql.param(rows.map(({ id }) => id))}::uuid[])`;
      await raiseFloor(tx, keptFrom, sql`'{}'`);
      await addToTotals(tx, sql`select * from executions_default where ${those}`);
      await tx.execute(sql`delete from executions_default where ${those}`);
      return rows.length;
    });
  }
  return deleted;
}

/** The attempts of executions that are gone. */
async function dropAttempts(db: Db, keptFrom: number): Promise<void> {
  for (const { name, from, to } of await readExpired(db, "attempts", keptFrom)) {
    const { rows } = await db.execute(sql`
      select from executions where id >= ${leastExecutionId(from)} and id < ${leastExecutionId(to)} limit 1`);
    if (rows.length > 0) continue;
    await lockingLedger(db, [sql`attempts in access exclusive mode`], async (tx) => {
      await tx.execute(sql`drop table ${sql.identifier(name)}`);
    });
  }
  for (let batch = DELETE_BATCH; batch === DELETE_BATCH; ) {
    const { rowCount } = await db.execute(sql`
      delete from attempts_default a
      where (execution_id, attempt) in (
        select execution_id, attempt from attempts_default d
        where execution_id < ${leastExecutionId(keptFrom)}
          and not exists (select from executions e where e.id = d.execution_id)
        limit ${DELETE_BATCH})`);
    batch = rowCount ?? 0;
  }
}

/** Of each job the last change before the floor stays: the plan that it began may still go on. */
async function forgetChanges(db: Db, keptFrom: number): Promise<void> {
  const floor = toInstant(keptFrom);
  for (let batch = DELETE_BATCH; batch === DELETE_BATCH; ) {
    const { rowCount } = await db.execute(sql`
      delete from job_changes
      where id in (
        select c.id from job_changes c
        where c.at < ${floor} and exists (
          select from job_changes later
          where later.job_id = c.job_id and later.seq > c.seq and later.at < ${floor}
            and (later.served_up_to is null or later.served_up_to < ${floor}))
        limit ${DELETE_BATCH})`);
    batch = rowCount ?? 0;
  }
}
