import type { Db } from "@belfry/db/client.ts";
import { replanJobs } from "@belfry/db/replan.ts";
import type { Logger } from "@belfry/service/logger.ts";

const BATCH = 200;
/** Should each of them have to wait for a lock, the loop still comes to its end before it counts as stuck. */
const SLICE_MS = 5_000;

/**
 * Plans jobs anew whose calendars have changed, and names those that went wrong. Returns how many it has done: when
 * there are any, there may be more.
 */
export async function replan(db: Db, log: Logger, stopping: AbortSignal): Promise<number> {
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(SLICE_MS)]);
  const { done, parked, postponed } = await replanJobs(db, BATCH, signal);
  for (const { jobId, jobName, accountId, reason } of parked)
    log.warn({ job_id: jobId, job_name: jobName, account_id: accountId, reason }, "job paused, it cannot be planned");
  for (const { jobId, error } of postponed)
    log.warn({ err: error, job_id: jobId }, "job could not be planned anew with its calendars, trying again");
  return done;
}
