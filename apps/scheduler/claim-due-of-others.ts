import type { Db } from "@belfry/db/client.ts";
import { lockDueJobs } from "@belfry/db/due-jobs.ts";
import type { Dispatch } from "@belfry/db/outbox.ts";
import { recordDue } from "@belfry/db/record-due.ts";
import { inTransaction } from "@belfry/db/transaction.ts";

/**
 * A sweep that passes over the accounts whose many due jobs would keep all others waiting. To find those of others it
 * reads over all of theirs, unless it is to find only what has come due in the last `dueWithinMs`.
 */
export async function claimDueOfOthers(
  db: Db,
  batch: number,
  crowd: readonly string[],
  dueWithinMs: number | null,
): Promise<{ jobs: number; dispatches: Dispatch[] }> {
  return inTransaction(db, async (tx) => {
    const { now, jobs } = await lockDueJobs(tx, batch, { except: crowd, dueWithinMs });
    return recordDue(tx, jobs, now, { callerPublishes: true });
  });
}
