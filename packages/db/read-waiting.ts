import { type SQL, sql } from "drizzle-orm";
import { isPostponed } from "./breaker.ts";
import type { Db } from "./client.ts";
import { toMs } from "./sql-values.ts";
import { type HoldingBack, holdingBack } from "./waits-at.ts";

/** What a pending execution waits for. Instants in milliseconds since the epoch. */
export type Waiting = {
  held: boolean;
  /** The limits for which it waits off the queue, if it does. */
  holdingBack: HoldingBack | null;
  attempt: number;
  availableAt: number;
  /** Until when the circuit breaker of its function is open, if that has put it off: "now" while one execution tries. Else null. */
  breakerRetryAt: number | null;
};

/** The columns of that, of an execution `e`. */
export const waitingColumns: SQL = sql`e.held, ${holdingBack} as "holdingBack", e.attempt,
  ${toMs(sql`e.available_at`)} as "availableAt",
  case when e.status = 'pending' and ${isPostponed} then (
    select ${toMs(sql`case f.breaker_state when 'open' then f.breaker_retry_at else now() end`)}
    from functions f where f.id = e.function_id and f.breaker_state <> 'closed'
  ) end as "breakerRetryAt"`;

/** What an execution waits for, with the database's "now"; null if it is not pending. */
export async function readWaiting(db: Db, executionId: string): Promise<(Waiting & { now: number }) | null> {
  const { rows } = await db.execute<Waiting & { now: number }>(sql`
    select ${waitingColumns}, floor(${toMs(sql`now()`)}) as now
    from executions e where e.id = ${executionId} and e.status = 'pending'`);
  return rows[0] ?? null;
}
