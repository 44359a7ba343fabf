/** The cluster's own recurring duties as they are recorded. Who does one, and when, is in run-duty.ts. */
import { asc, getTableColumns, notInArray, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { nowMs, toInstant } from "./sql-values.ts";
import { duties } from "./tables/duties.ts";

/** The first half of the advisory locks of duties, the other is the duty's name: any constant that nothing else locks. */
export const DUTY_LOCKS = 0xbe1fa;

/** A duty that was not done for twice its interval and this long besides has stopped. */
const LATE_BY_MS = 60_000;

/** `late`: it should have been done by now. `running`: somebody is at it. */
export type DutyRecord = typeof duties.$inferSelect & { late: boolean; running: boolean };

export type Lateness = {
  /** Milliseconds since the epoch; the database's clock if absent. */
  now?: number;
  /** How much later than twice its interval a duty may be done. */
  lateByMs?: number;
};

/** The duties that the cluster has from now on; what it does not have any more is forgotten. */
export async function registerDuties(db: Db, list: readonly { name: string; everyMs: number }[]): Promise<void> {
  const names = list.map(({ name }) => name);
  await db.delete(duties).where(notInArray(duties.name, names));
  if (list.length === 0) return;
  await db
    .insert(duties)
    .values(list.map(({ name, everyMs }) => ({ name, everyMs })))
    .onConflictDoUpdate({ target: duties.name, set: { everyMs: sql`excluded.every_ms` } });
}

/** Every duty, by name. */
export function readDuties(db: Db, { now, lateByMs = LATE_BY_MS }: Lateness = {}): Promise<DutyRecord[]> {
  const allowed = sql`make_interval(secs => (2 * ${duties.everyMs}::float8 + ${lateByMs}) / 1000)`;
  return db
    .select({
      ...getTableColumns(duties),
      late: sql<boolean>`coalesce(${duties.doneAt}, ${duties.registeredAt}) + ${allowed} < ${now === undefined ? nowMs : toInstant(now)}`,
      running: sql<boolean>`exists (
        select from pg_locks l
        where l.locktype = 'advisory' and l.granted and l.objsubid = 2
          and l.database = (select oid from pg_database where datname = current_database())
          and l.classid = ${DUTY_LOCKS}::int::oid and l.objid = hashtext(${duties.name})::oid)`,
    })
    .from(duties)
    .orderBy(asc(duties.name));
}

/** Those that should have been done by now: they have stopped, fail, or take long. */
export async function lateDuties(db: Db, lateness: Lateness = {}): Promise<DutyRecord[]> {
  return (await readDuties(db, lateness)).filter(({ late }) => late);
}

/** When a late duty was last done; if never, since when it should have been. */
export const lateSince = ({ doneAt, registeredAt }: DutyRecord): Date => doneAt ?? registeredAt;
