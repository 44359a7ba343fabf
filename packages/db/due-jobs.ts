/** What the sweep and the settling read and write of jobs. All in one transaction of the caller's. */
import type { MisfirePolicy, OverlapPolicy } from "@belfry/contract/policies.ts";
import type { Priority } from "@belfry/contract/states.ts";
import { RULES_VERSION, type Schedule } from "@belfry/schedule/schedule.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { recordChanges } from "./job-changes.ts";
import { array, atMost, columnsOf, toInstant, toMs } from "./sql-values.ts";

/** A job whose `nextRun` has come. Instants in milliseconds since the epoch. */
export type DueJob = {
  id: string;
  accountId: string;
  functionId: string;
  pool: string;
  priority: Priority;
  scheduleSpec: Schedule;
  nextRun: number;
  maxRuns: number;
  runCount: number;
  misfire: MisfirePolicy;
  overlap: OverlapPolicy;
};

/** What was stored under newer rules is for newer processes: we would not know its schedule, or read it otherwise. */
const isOurs = sql`rules_version <= ${RULES_VERSION}`;

/**
 * Locks due jobs until the transaction ends. Jobs that another scheduler holds are passed over, so none is taken twice;
 * and those of the accounts `except`, so that others have their turn. `dueWithinMs`: only those that came due so lately.
 */
export async function lockDueJobs(
  tx: Db,
  limit: number,
  { except = [], dueWithinMs = null }: { except?: readonly string[]; dueWithinMs?: number | null } = {},
): Promise<{ now: number; jobs: DueJob[] }> {
  const ofOthers = except.length === 0 ? sql`` : sql`and account_id <> all(${array(except, "uuid")})`;
  const lately =
    dueWithinMs === null ? sql`` : sql`and next_run > now() - make_interval(secs => ${dueWithinMs} / 1000.0)`;
  const { rows } = await tx.execute<DueJob & { now: number }>(sql`
    select id, account_id as "accountId", function_id as "functionId", pool, priority, schedule_spec as "scheduleSpec",
      ${toMs(sql`next_run`)} as "nextRun", max_runs as "maxRuns", run_count as "runCount", misfire, overlap,
      ${toMs(sql`now()`)} as now
    from jobs
    where next_run <= now() ${lately} and ${isOurs} ${ofOthers}
    order by next_run
    limit ${atMost(limit)}
    for no key update skip locked`);
  return { now: Math.floor(rows[0]?.now ?? 0), jobs: rows };
}

export type Advance = { jobId: string; nextRun: number | null; newRuns: number };

/** Moves locked jobs on. Without a next run a job waits for its open executions to end, and is then settled. */
export async function advanceJobs(tx: Db, advances: readonly Advance[]): Promise<void> {
  if (advances.length === 0) return;
  const column = columnsOf(advances);
  await tx.execute(sql`
    update jobs j set next_run = ${toInstant(sql`a.next_run`)}, run_count = j.run_count + a.new_runs
    from unnest(
      ${column("jobId", "uuid")}, ${column("nextRun", "float8")}, ${column("newRuns", "int")}
    ) as a(job_id, next_run, new_runs)
    where j.id = a.job_id`);
}

/** Pauses a locked job that Belfry cannot go on with, and says why on the job. */
export async function parkJob(tx: Db, jobId: string, reason: string): Promise<void> {
  const { rows } = await tx.execute<{ servedUpTo: number | null }>(sql`
    with was as (select next_run from jobs where id = ${jobId})
    update jobs set status = 'paused', next_run = null, paused_reason = ${reason.slice(0, 1_000)}, updated_at = now()
    where id = ${jobId}
    returning (select ${toMs(sql`next_run`)} - 1 from was) as "servedUpTo"`);
  await recordChanges(tx, [{ jobId, kind: "parked", servedUpTo: rows[0]?.servedUpTo ?? null }]);
}

/** Milliseconds until the earliest job is due, 0 or less if one is, null if none waits. */
export async function msUntilNextDue(db: Db): Promise<number | null> {
  const { rows } = await db.execute<{ ms: number | null }>(sql`
    select (extract(epoch from min(next_run) - clock_timestamp()) * 1000)::float8 as ms from jobs
    where next_run is not null and ${isOurs}`);
  return rows[0]?.ms ?? null;
}

/** An active job without a next run of which nothing is open, that is pending or running. Instants in milliseconds. */
export type SettlingJob = {
  id: string;
  accountId: string;
  scheduleSpec: Schedule;
  maxRuns: number;
  runCount: number;
  /** The latest instant that is served or none of the present plan's. */
  plannedUpTo: number;
};

/** Locks such jobs: each is either over, or has runs left since some of those given out were skipped. */
export async function lockSettlingJobs(tx: Db, limit: number): Promise<SettlingJob[]> {
  const { rows } = await tx.execute<{ id: string }>(sql`
    select j.id
    from jobs j
    where j.status = 'active' and j.enabled and j.next_run is null and ${isOurs} and not ${hasOpen}
    limit ${atMost(limit)}
    for no key update of j skip locked`);
  // Asked again now that nobody can add an execution: the first answer was from before the lock.
  const settling = await tx.execute<SettlingJob>(sql`
    select j.id, j.account_id as "accountId", j.schedule_spec as "scheduleSpec", j.max_runs as "maxRuns",
      j.run_count as "runCount",
      ${toMs(sql`greatest(j.planned_from, (
        select max(e.scheduled_until) from executions e where e.job_id = j.id and e.trigger = 'schedule'
          and e.scheduled_for >= j.planned_from
      ))`)} as "plannedUpTo"
    from jobs j
    where j.id = any(${array(
      rows.map((row) => row.id),
      "uuid",
    )}) and not ${hasOpen}`);
  return settling.rows;
}

const hasOpen = sql`exists (select from executions e where e.job_id = j.id and e.status in ('pending', 'running'))`;

/** Completes locked jobs. */
export async function completeJobs(tx: Db, jobIds: readonly string[]): Promise<void> {
  if (jobIds.length === 0) return;
  await tx.execute(
    sql`update jobs set status = 'completed', updated_at = now() where id = any(${array(jobIds, "uuid")})`,
  );
  await recordChanges(
    tx,
    jobIds.map((jobId) => ({ jobId, kind: "completed", servedUpTo: null })),
  );
}
