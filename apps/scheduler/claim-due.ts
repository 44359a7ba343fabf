import type { Db } from "@belfry/db/client.ts";
import { lockDueJobs } from "@belfry/db/due-jobs.ts";
import type { Dispatch } from "@belfry/db/outbox.ts";
import { recordDue } from "@belfry/db/record-due.ts";
import { inTransaction } from "@belfry/db/transaction.ts";

/**
 * One sweep: takes up to `batch` due jobs that no other scheduler holds, writes their occurrences and moves them on, in
 * one short transaction. Returns how many jobs it dealt with, and what is to be published now that it has committed.
 */
export async function claimDue(db: Db, batch: number): Promise<{ jobs: number; dispatches: Dispatch[] }> {
  return inTransaction(db, async (tx) => {
    const { now, jobs } = await lockDueJobs(tx, batch);
    return recordDue(tx, jobs, now, { callerPublishes: true });
  });
}
