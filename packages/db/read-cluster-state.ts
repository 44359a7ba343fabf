import type { BreakerState } from "@belfry/contract/states.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { inTransaction } from "./transaction.ts";

/** More series than this help nobody. */
const MAX_BREAKERS = 1_000;
/** A breaker that has closed is told of for a while, so that a graph and an alarm see that it has. */
const breakerOfInterest = sql`(breaker_failed > 0 or breaker_closed_at > now() - interval '1 hour')`;

/** What is told to whoever measures: how many jobs are enabled, and the circuit breakers of functions that fail or have lately failed. */
export async function readClusterState(
  db: Db,
): Promise<{ enabledJobs: number; breakers: { functionId: string; state: BreakerState }[] }> {
  const jobs = await inTransaction(db, async (tx) => {
    // The one question that is best answered by reading everything, also where all others are not: see `keepPlans`.
    await tx.execute(sql`set local enable_seqscan = on`);
    return tx.execute<{ n: number }>(sql`
      select count(*)::int as n from jobs where enabled and deleted_at is null`);
  });
  const breakers = await db.execute<{ functionId: string; state: BreakerState }>(sql`
    select id as "functionId", breaker_state as state from functions
    where deleted_at is null and ${breakerOfInterest}
    order by breaker_state = 'closed', id limit ${MAX_BREAKERS}`);
  return { enabledJobs: jobs.rows[0]?.n ?? 0, breakers: breakers.rows };
}
