/** Failures in a row, as sub-queries that read the ledger backwards. */
import { type SQL, sql } from "drizzle-orm";
import { atMost } from "./sql-values.ts";

/**
 * The newest executions of a job that have ended, but for those that were skipped, and for which `only` holds: at most
 * `limit`, from its newest `records`, which bounds what is read of a job that skips nearly always. Newest first, by
 * their occurrences.
 */
export const endedOf = (
  jobId: SQL,
  { only, limit, records }: { only?: SQL; limit: SQL | number; records: number },
): SQL => sql`
  select status, scheduled_for, completed_at, error from (
    select status, scheduled_for, completed_at, error from executions
    where job_id = ${jobId} order by scheduled_for desc limit ${atMost(records)}
  ) newest_records
  where status in ('success', 'failed', 'cancelled') ${only ? sql`and ${only}` : sql``}
  order by scheduled_for desc limit ${limit}`;

/**
 * How many of these have failed before, seen backwards, one did not: `failures`, with the `error` of the newest and
 * `since`, when the first of them ended. `ended` gives rows as `endedOf` does.
 */
export const failuresInARow = (ended: SQL): SQL => sql`
  select count(*)::int as failures, min(completed_at) as since, (array_agg(error order by scheduled_for desc))[1] as error
  from (
    select *, count(*) filter (where status <> 'failed')
      over (order by scheduled_for desc rows unbounded preceding) as interruptions
    from (${ended}) ended
  ) counted
  where interruptions = 0`;
