import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";

/**
 * Until the transaction ends: who is to read an account's calendars into a schedule waits for who is changing one, and
 * the other way round. So a change either is seen by a job that is made or changed at the same time, or sees that job.
 *
 * An advisory lock rather than FOR SHARE on the calendar's row: it is given in the order in which it is asked for. A row that
 * is always shared by somebody, as while thousands of jobs are planned anew, would keep the next change waiting for ever.
 */
export async function holdCalendars(tx: Db, accountId: string, purpose: "to read" | "to change"): Promise<void> {
  const key = sql`hashtextextended(${`calendars of ${accountId}`}, 0)`;
  await tx.execute(
    purpose === "to read"
      ? sql`select pg_advisory_xact_lock_shared(${key})`
      : sql`select pg_advisory_xact_lock(${key})`,
  );
}
