/** Pausing jobs that fail again and again, as their `auto_pause_after` asks for. */
import type { ExecutionError } from "@belfry/contract/errors.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { endedOf, failuresInARow } from "./failures.ts";
import { changeJob } from "./jobs.ts";
import { array, atMost } from "./sql-values.ts";

/** A row of failures is looked for in this many of a job's newest records: those that were skipped lie in between. */
const RECORDS = 1_000;

export type AutoPaused = { jobId: string; jobName: string; accountId: string; reason: string };

export type Judged = {
  /** Failures that have been dealt with. */
  judged: number;
  paused: AutoPaused[];
  /** Jobs that are to be looked at again, since something went wrong. */
  unjudged: { jobId: string; error: unknown }[];
};

/**
 * Looks at the jobs of failures that were not yet looked at, at most `limit` of them, and pauses those of which so many
 * in a row have failed. Any number of schedulers may do it at once: a job is paused once, by who holds its row.
 *
 * The first look takes no lock. What it does not see yet has not been committed, and leaves a failure to be judged of
 * its own. A failure is deleted last, so whoever dies on the way leaves it to be judged again.
 */
export async function judgeFailures(db: Db, limit: number): Promise<Judged> {
  // By chance, so that those that cannot be dealt with do not keep the others from their turn.
  const { rows: failures } = await db.execute<{ executionId: string; jobId: string }>(
    sql`select execution_id as "executionId", job_id as "jobId" from unjudged_failures order by random() limit ${atMost(limit)}`,
  );
  const paused: AutoPaused[] = [];
  const unjudged = new Map<string, unknown>();
  const jobIds = [...new Set(failures.map(({ jobId }) => jobId))];
  for (const { jobId, jobName, accountId } of await failingJobs(db, jobIds)) {
    try {
      const reason = await pauseIfFailing(db, accountId, jobId);
      if (reason !== null) paused.push({ jobId, jobName, accountId, reason });
    } catch (error) {
      unjudged.set(jobId, error);
    }
  }
  const done = failures.filter(({ jobId }) => !unjudged.has(jobId)).map(({ executionId }) => executionId);
  if (done.length > 0)
    await db.execute(sql`delete from unjudged_failures where execution_id = any(${array(done, "uuid")})`);
  return { judged: done.length, paused, unjudged: [...unjudged].map(([jobId, error]) => ({ jobId, error })) };
}

type Failing = {
  jobId: string;
  jobName: string;
  accountId: string;
  failures: number;
  error: ExecutionError | null;
};

async function failingJobs(db: Db, jobIds: readonly string[]): Promise<Failing[]> {
  if (jobIds.length === 0) return [];
  // Only what has ended since the job was planned as it is: resuming it begins the count anew.
  const ended = endedOf(sql`j.id`, {
    only: sql`completed_at > j.planned_from`,
    limit: sql`j.auto_pause_after`,
    records: RECORDS,
  });
  const { rows } = await db.execute<Failing>(sql`
    select j.id as "jobId", j.name as "jobName", j.account_id as "accountId", f.failures, f.error
    from jobs j, lateral (${failuresInARow(ended)}) f
    where j.id = any(${array(jobIds, "uuid")}) and j.status = 'active' and j.enabled
      and j.auto_pause_after > 0 and f.failures >= j.auto_pause_after
      and (j.next_run is not null or exists (
        select from executions e where e.job_id = j.id and e.status in ('pending', 'running')
      ))`);
  return rows;
}

/** Asks again under the lock on the job's row. Null if the job is not, or no longer, to be paused. */
async function pauseIfFailing(db: Db, accountId: string, jobId: string): Promise<string | null> {
  let reason: string | null = null;
  await changeJob(db, accountId, jobId, async (tx, job) => {
    const [failing] = await failingJobs(tx, [jobId]);
    if (!failing) return null;
    reason = reasonOf(failing);
    return { ...job, status: "paused", pausedReason: reason };
  });
  return reason;
}

function reasonOf({ failures, error }: Failing): string {
  const said = error ? ` with ${error.code}: ${error.message}` : "";
  const what =
    failures === 1 ? `an execution has failed${said}` : `${failures} executions in a row have failed, the last${said}`;
  return `auto_pause_after: ${what}`.slice(0, 1_000);
}
