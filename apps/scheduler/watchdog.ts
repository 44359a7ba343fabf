import type { Db } from "@belfry/db/client.ts";
import { type JobWarning, listActiveJobs, readWarnings } from "@belfry/db/job-warnings.ts";
import type { SoleDuty } from "@belfry/db/sole-duty.ts";
import type { Logger } from "@belfry/service/logger.ts";

/** Workers start beside the scheduler: who looked at once would miss them. */
const STARTING_MS = 30_000;
const PAGE = 500;
/** Where a whole pool is gone, a line for each of its jobs would say nothing more. */
const MAX_LINES = 100;

type Watched = { jobName: string; accountId: string; warnings: JobWarning[] };

export type Watchdog = { runOnce(signal?: AbortSignal): Promise<void> };

/**
 * Looks at every active job, and logs a line for each whose warnings have changed since the last look. One scheduler
 * does it at a time. What was last seen is kept in its memory only: who takes the duty over says once what there is.
 * `now` is a monotonic clock in milliseconds.
 */
export function createWatchdog(
  db: Db,
  duty: SoleDuty,
  log: Logger,
  now: () => number = () => performance.now(),
): Watchdog {
  const startedAt = now();
  let known = new Map<string, Watched>();
  return {
    async runOnce(signal) {
      if (now() - startedAt < STARTING_MS) return;
      if (!(await duty.isOurs())) {
        known = new Map();
        return;
      }
      const found = await lookAtAll(db, signal);
      if (!found) return;
      logChanges(known, found, log);
      known = found;
    },
  };
}

/** The jobs that have warnings; null if it was stopped on the way. */
async function lookAtAll(db: Db, signal: AbortSignal | undefined): Promise<Map<string, Watched> | null> {
  const found = new Map<string, Watched>();
  for (let after: string | null = null; !signal?.aborted; ) {
    const page = await listActiveJobs(db, after, PAGE);
    const warnings = await readWarnings(
      db,
      page.map(({ jobId }) => jobId),
    );
    for (const { jobId, jobName, accountId } of page) {
      const ofJob = warnings.get(jobId);
      if (ofJob) found.set(jobId, { jobName, accountId, warnings: ofJob });
    }
    if (page.length < PAGE) return found;
    after = page.at(-1)?.jobId ?? null;
  }
  return null;
}

function logChanges(before: Map<string, Watched>, after: Map<string, Watched>, log: Logger): void {
  let changed = 0;
  for (const jobId of new Set([...after.keys(), ...before.keys()])) {
    const [was, is] = [before.get(jobId)?.warnings ?? [], after.get(jobId)?.warnings ?? []];
    const began = is.filter(({ code }) => !was.some((warning) => warning.code === code));
    const ended = was.filter(({ code }) => !is.some((warning) => warning.code === code)).map(({ code }) => code);
    if (began.length + ended.length === 0) continue;
    changed += 1;
    if (changed > MAX_LINES) continue;
    const { jobName, accountId } = (after.get(jobId) ?? before.get(jobId)) as Watched;
    const fields = { job_id: jobId, job_name: jobName, account_id: accountId, began, ended };
    log.warn(fields, began.length > 0 ? "job has a new warning" : "job no longer has a warning");
  }
  if (changed > MAX_LINES) log.warn({ jobs: changed - MAX_LINES }, "warnings of more jobs have changed");
}
