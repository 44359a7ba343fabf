import type { Db } from "@belfry/db/client.ts";
import { lockDueJobs } from "@belfry/db/due-jobs.ts";
import { recordDue } from "@belfry/db/record-due.ts";
import { inTransaction } from "@belfry/db/transaction.ts";

/** One sweep as a scheduler makes it, for tests of the ledger below it: takes what is due and writes it. */
export function sweepOnce(db: Db, { callerPublishes = true } = {}): ReturnType<typeof recordDue> {
  return inTransaction(db, async (tx) => {
    const { now, jobs } = await lockDueJobs(tx, 100);
    return recordDue(tx, jobs, now, { callerPublishes });
  });
}
