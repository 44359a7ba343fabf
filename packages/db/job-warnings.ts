/** What is wrong with jobs at the moment. Nothing of it is stored: it is found in the ledger whenever somebody asks. */
import type { ExecutionError } from "@belfry/contract/errors.ts";
import type { JobWarningCode } from "@belfry/contract/job.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { endedOf, failuresInARow } from "./failures.ts";
import { servedBy } from "./served-by.ts";
import { array, atMost, opaque, toMs } from "./sql-values.ts";
import { type HoldingBack, holdingBack, nameLimits } from "./waits-at.ts";
import { withoutPaths } from "./without-paths.ts";

export type JobWarning = { code: JobWarningCode; message: string; since: Date };

/** What should happen within a second or so, and has not for this long, does not happen by itself. */
export const OVERDUE_SECONDS = 60;
/** So many failures in a row are no accident. */
export const FAILING_FROM = 3;
const FAILING_UP_TO = 100;
/** Of a job's records only the newest are looked at: a job that skips nearly always has many between two that ran. */
const RECORDS = 1_000;

/** The warnings of those of these jobs that are active and enabled and have any; a job of no trouble is not in the map. */
export async function readWarnings(db: Db, jobIds: readonly string[]): Promise<Map<string, JobWarning[]>> {
  const found = jobIds.length === 0 ? [] : await readSigns(db, jobIds);
  const warnings = found.map((signs) => [signs.jobId, judge(signs)] as const);
  return new Map(warnings.filter(([, ofJob]) => ofJob.length > 0));
}

/** Active jobs in the order of their ids, after the id `after`. */
export async function listActiveJobs(
  db: Db,
  after: string | null,
  limit: number,
): Promise<{ jobId: string; jobName: string; accountId: string }[]> {
  const { rows } = await db.execute<{ jobId: string; jobName: string; accountId: string }>(sql`
    select id as "jobId", name as "jobName", account_id as "accountId" from jobs
    where status = 'active' and enabled ${after === null ? sql`` : sql`and id > ${after}`}
    order by id limit ${atMost(limit)}`);
  return rows;
}

/** What the database says of a job. Instants in milliseconds since the epoch, durations in milliseconds. */
export type Signs = {
  jobId: string;
  pool: string;
  /** Empty for a function of kind http. */
  module: string;
  /** Why a living worker of the pool cannot use the file that used to define the module, if one cannot. */
  problem: string | null;
  /** Living workers of the pool, and those of them that can run the job. */
  workers: number;
  able: number;
  /** When the last worker that could run it has stopped, or the job was planned, whichever is later. */
  aloneSince: number;
  overdueSince: number | null;
  waitingSince: number | null;
  /** The limits for which what has waited for so long waits, if it does. */
  holdingBack: HoldingBack | null;
  startedAt: number | null;
  tookMs: number | null;
  intervalMs: number | null;
  failures: number;
  failingSince: number | null;
  error: ExecutionError | null;
};

/**
 * Leaves the planner the index of a job's open executions only: statistics from a quiet moment say
 * that next to nothing is pending, and then it would read the whole backlog for each job.
 */
export const isPending = opaque(sql`e.status = 'pending'`);

async function readSigns(db: Db, jobIds: readonly string[]): Promise<Signs[]> {
  const newest = endedOf(sql`a.id`, { limit: 1, records: RECORDS });
  // Of most jobs one row is read, since the newest has not failed.
  const ended = endedOf(sql`a.id`, { only: sql`newest.status = 'failed'`, limit: FAILING_UP_TO, records: RECORDS });
  const { rows } = await db.execute<Signs>(sql`
    with asked as (
      select j.id, j.pool, coalesce(f.module, '') as module, j.next_run, j.planned_from
      from jobs j join functions f on f.id = j.function_id
      where j.id = any(${array(jobIds, "uuid")}) and j.status = 'active' and j.enabled
    ), targets as materialized (
      select t.pool, t.module, served.*,
        (select p->>'file' || ': ' || (p->>'message')
          from workers w, json_array_elements(w.problems) p, functions shared
          where w.stopped_at is null and w.pool = t.pool and shared.account_id is null and shared.name = t.module
            and p->>'file' = shared.module_file limit 1) as problem
      from (select distinct pool, module from asked) t
      cross join lateral (${servedBy(sql`t.pool`, sql`t.module`)}) served
    )
    select a.id as "jobId", a.pool, a.module, t.workers, t.able, t.problem,
      ${toMs(sql`greatest(a.planned_from, t."lastStoppedAt")`)} as "aloneSince",
      case when a.next_run < now() - make_interval(secs => ${OVERDUE_SECONDS}) then ${toMs(sql`a.next_run`)} end as "overdueSince",
      ${toMs(sql`waiting.available_at`)} as "waitingSince", waiting.holding_back as "holdingBack",
      ${toMs(sql`last.started_at`)} as "startedAt", last.duration_ms as "tookMs",
      (extract(epoch from coalesce(following.scheduled_for, a.next_run) - last.scheduled_for) * 1000)::float8 as "intervalMs",
      failing.failures, ${toMs(sql`failing.since`)} as "failingSince", failing.error
    from asked a
    join targets t on t.pool = a.pool and t.module = a.module
    left join lateral (
      select e.available_at, ${holdingBack} as holding_back from executions e
      where e.job_id = a.id and e.status in ('pending', 'running') and ${isPending} and not e.held
        and e.available_at < now() - make_interval(secs => ${OVERDUE_SECONDS})
      order by e.available_at limit 1
    ) waiting on true
    left join lateral (
      select * from (
        select e.scheduled_for, e.started_at, e.duration_ms from executions e
        where e.job_id = a.id and e.trigger = 'schedule' and e.scheduled_for >= a.planned_from
        order by e.scheduled_for desc limit ${atMost(RECORDS)}
      ) newest
      where duration_ms is not null order by scheduled_for desc limit 1
    ) last on true
    left join lateral (
      select e.scheduled_for from executions e
      where e.job_id = a.id and e.trigger = 'schedule' and e.scheduled_for > last.scheduled_for
      order by e.scheduled_for limit 1
    ) following on true
    left join lateral (${newest}) newest on true
    left join lateral (${failuresInARow(ended)}) failing on true`);
  return rows;
}

export function judge(signs: Signs): JobWarning[] {
  const { waitingSince, overdueSince, startedAt, tookMs, intervalMs, failures, failingSince } = signs;
  const warnings: JobWarning[] = [];
  const warn = (code: JobWarningCode, since: number, message: string) =>
    warnings.push({ code, message, since: new Date(since) });

  if (signs.able === 0) warn("NO_WORKER", signs.aloneSince, whoServes(signs));
  if (overdueSince !== null) warn("OVERDUE", overdueSince, "its next run is past and not planned: no scheduler sweeps");
  if (waitingSince !== null) warn("NOT_STARTED", waitingSince, whyNotStarted(signs));
  if (startedAt !== null && tookMs !== null && intervalMs !== null && tookMs > intervalMs)
    warn(
      "OUTLASTS_INTERVAL",
      startedAt,
      `the last execution took ${seconds(tookMs)}, the next one was due ${seconds(intervalMs)} after it`,
    );
  if (failures >= FAILING_FROM && failingSince !== null) warn("FAILING", failingSince, howOften(signs));
  return warnings;
}

function whyNotStarted(signs: Signs): string {
  if (signs.holdingBack) return `an execution waits: ${nameLimits(signs.holdingBack)}`;
  return `an execution waits to be claimed by a worker: ${whoServes(signs)}`;
}

function whoServes({ pool, module, workers, able, problem }: Signs): string {
  if (workers === 0) return `no living worker serves the pool "${pool}"`;
  if (able === 0)
    return `no living worker of the pool "${pool}" has the module "${module}"${problem ? `; ${withoutPaths(problem)}` : ""}`;
  return able === 1 ? `1 living worker serves the pool "${pool}"` : `${able} living workers serve the pool "${pool}"`;
}

function howOften({ failures, error }: Signs): string {
  const many = failures === FAILING_UP_TO ? `${failures} executions or more` : `${failures} executions`;
  return `the last ${many} have failed${error ? `, the newest with ${error.code}: ${error.message}` : ""}`;
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
