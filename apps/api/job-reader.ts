import type { Db } from "@belfry/db/client.ts";
import type { JobWithLedger } from "@belfry/db/job-glance.ts";
import { getJobs } from "@belfry/db/read-jobs.ts";
import { batchByAccount } from "./by-account.ts";

/** A job of the account; null if it has none of this id. */
export type JobReader = (accountId: string, jobId: string) => Promise<JobWithLedger | null>;

const MAX_TOGETHER = 50;
const PARALLEL = 4;

/** Reads jobs; those of an account that are asked for while others are being read are read in one statement. */
export function createJobReader(db: Db): JobReader {
  return batchByAccount(
    async (accountId, jobIds: string[]) => {
      const found = await getJobs(db, accountId, jobIds);
      return jobIds.map((id) => found.get(id.toLowerCase()) ?? null);
    },
    { maxSize: MAX_TOGETHER, parallel: PARALLEL },
  );
}
