/**
 * What a look at a job's newest executions tells of it: of nearly every job all that is asked with its row, in the one
 * statement that reads the row. What it does not tell is left to job-warnings.ts, which reads the ledger further back.
 */
import type { ExecutionStatus, Trigger } from "@belfry/contract/states.ts";
import { getTableColumns, type SQL, sql } from "drizzle-orm";
import { FAILING_FROM, isPending, type JobWarning, judge, OVERDUE_SECONDS } from "./job-warnings.ts";
import { type Served, servedBy } from "./served-by.ts";
import { jobs } from "./tables/jobs.ts";

type JobRow = typeof jobs.$inferSelect;

/** A job with what its ledger adds: when an execution of it last started, and what is wrong with it. */
export type JobWithLedger = JobRow & { lastRun: Date | null; warnings: JobWarning[] };

/** What is seen of a job besides its row. */
export type Glance = Served & {
  /** Empty for a function of kind http. */
  module: string;
  /** Its next run is long past. */
  overdue: boolean;
  /** An execution that may start was not claimed for long. */
  waits: boolean;
  /** Newest first; null if there is none. */
  newest: Seen[] | null;
};

type Seen = [scheduledFor: string, Trigger, ExecutionStatus, startedAt: string | null, durationMs: number | null];

/** One that runs, one that has ended, and one more. Each more makes a list dearer and leaves hardly fewer to look at further. */
const NEWEST = 3;

const columns = sql.join(
  Object.entries(getTableColumns(jobs)).map(
    ([key, column]) => sql`j.${sql.identifier(column.name)} as ${sql.identifier(key)}`,
  ),
  sql`, `,
);

const longAgo = sql`now() - make_interval(secs => ${sql.raw(String(OVERDUE_SECONDS))})`;

// `exists` would leave it to the planner to read all that waits, whosoever it is, instead of looking for each job.
/** Rows of `JobRow & Glance`, newest first, of the jobs that `asked` selects with all their columns. */
export const glanceAt = (asked: SQL): SQL => sql`
  select ${columns}, coalesce(f.module, '') as module, served.*, coalesce(j.next_run < ${longAgo}, false) as overdue,
    coalesce((
      select true from executions e
      where e.job_id = j.id and e.status in ('pending', 'running') and ${isPending} and not e.held
        and e.available_at < ${longAgo} limit 1
    ), false) as waits,
    (
      select json_agg(json_build_array(e.scheduled_for, e.trigger, e.status, e.started_at, e.duration_ms))
      from (
        select e.scheduled_for, e.trigger, e.status, e.started_at, e.duration_ms from executions e
        where e.job_id = j.id order by e.scheduled_for desc limit ${sql.raw(String(NEWEST))}
      ) e
    ) as newest
  from (${asked}) j
  join functions f on f.id = j.function_id
  cross join lateral (${servedBy(sql`j.pool`, sql`coalesce(f.module, '')`)}) served
  order by j.id desc`;

/** The job with what its ledger adds, or null if the glance does not tell. */
export function judgeAtAGlance(job: JobRow, glance: Glance): JobWithLedger | null {
  const lastRun = lastRunIn(glance);
  const warnings = warningsOf(job, glance);
  return lastRun === "unseen" || warnings === "unseen" ? null : { ...job, lastRun, warnings };
}

/** Whether there are no executions but those that were seen. */
const sawAll = ({ newest }: Glance): boolean => newest === null || newest.length < NEWEST;

function lastRunIn(glance: Glance): Date | null | "unseen" {
  for (const [, , , startedAt] of glance.newest ?? []) if (startedAt !== null) return new Date(startedAt);
  return sawAll(glance) ? null : "unseen";
}

function warningsOf(job: JobRow, glance: Glance): JobWarning[] | "unseen" {
  if (job.status !== "active" || !job.enabled) return [];
  const { module, workers, able, lastStoppedAt } = glance;
  // Of these there is more to say.
  if (glance.waits || (able === 0 && workers > 0) || mayBeFailing(glance) || mayOutlastInterval(job, glance))
    return "unseen";
  return judge({
    ...{ jobId: job.id, pool: job.pool, module, problem: null, workers, able },
    aloneSince: Math.max(job.plannedFrom.getTime(), lastStoppedAt?.getTime() ?? 0),
    overdueSince: glance.overdue && job.nextRun ? job.nextRun.getTime() : null,
    ...{ waitingSince: null, holdingBack: null, startedAt: null, tookMs: null, intervalMs: null },
    ...{ failures: 0, failingSince: null, error: null },
  });
}

function mayBeFailing(glance: Glance): boolean {
  let failures = 0;
  for (const [, , status] of glance.newest ?? []) {
    if (status === "success" || status === "cancelled") return failures >= FAILING_FROM;
    if (status === "failed") failures++;
  }
  return failures >= FAILING_FROM || !sawAll(glance);
}

function mayOutlastInterval(job: JobRow, glance: Glance): boolean {
  let following = job.nextRun?.getTime() ?? null;
  for (const [at, trigger, , , tookMs] of glance.newest ?? []) {
    const scheduledFor = Date.parse(at);
    if (scheduledFor < job.plannedFrom.getTime()) return false;
    if (trigger !== "schedule") continue;
    if (tookMs !== null) return following !== null && tookMs > following - scheduledFor;
    following = scheduledFor;
  }
  return !sawAll(glance);
}
