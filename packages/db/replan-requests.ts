/** Which jobs refer to a calendar, and asking for them to be planned anew. See replan.ts for who does it. */
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { WAKE_CHANNEL } from "./listen.ts";

/** Jobs that are not deleted and whose schedule names the calendar. A deleted one reads its calendars when it is revived. */
const users = (accountId: string, calendar: string): SQL => sql`
  select id, next_run from jobs
  where account_id = ${accountId} and calendars <> '{}' and ${calendar} = any(calendars) and deleted_at is null`;

export async function jobsWithCalendar(db: Db, accountId: string, calendar: string): Promise<number> {
  const { rows } = await db.execute<{ count: number }>(
    sql`select count(*)::int as count from (${users(accountId, calendar)}) users`,
  );
  return rows[0]?.count ?? 0;
}

/**
 * Leaves a row for each job that refers to the calendar, in the transaction that has changed it, and wakes the
 * schedulers. Those that are due first have the first turn; a job that waits already keeps its own. Returns how many.
 */
export async function askForReplans(tx: Db, accountId: string, calendar: string): Promise<number> {
  const { rows } = await tx.execute<{ count: number }>(sql`
    with users as (${users(accountId, calendar)}),
    asked as (
      insert into job_replans (job_id, turn) select id, coalesce(next_run, 'infinity') from users on conflict do nothing
    )
    select count(*)::int as count from users`);
  const count = rows[0]?.count ?? 0;
  if (count > 0) await tx.execute(sql`select pg_notify(${WAKE_CHANNEL}, '')`);
  return count;
}
