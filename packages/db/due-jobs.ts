/** What the sweep reads and writes of jobs. All in one transaction of the caller's. */
import type { Priority } from "@belfry/contract/states.ts";
import type { Schedule } from "@belfry/schedule/schedule.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { array, toInstant, toMs } from "./sql-values.ts";

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
};

/** Locks due jobs until the transaction ends. Jobs that another scheduler holds are passed over, so none is taken twice. */
export async function lockDueJobs(tx: Db, limit: number): Promise<{ now: number; jobs: DueJob[] }> {
  const { rows } = await tx.execute<DueJob & { now: number }>(sql`
    select id, account_id as "accountId", function_id as "functionId", pool, priority, schedule_spec as "scheduleSpec",
      ${toMs(sql`next_run`)} as "nextRun", max_runs as "maxRuns", run_count as "runCount", ${toMs(sql`now()`)} as now
    from jobs
    where next_run <= now()
    order by next_run
    limit ${limit}
    for no key update skip locked`);
  return { now: Math.floor(rows[0]?.now ?? 0), jobs: rows };
}

export type Advance = { jobId: string; nextRun: number | null; newRuns: number };

/** Moves locked jobs on. `nextRun` null parks a job until its open executions have ended; see `settleJobs`. */
export async function advanceJobs(tx: Db, advances: readonly Advance[]): Promise<void> {
  if (advances.length === 0) return;
  await tx.execute(sql`
    update jobs j set next_run = ${toInstant(sql`a.next_run`)}, run_count = j.run_count + a.new_runs
    from unnest(
      ${array(advances.map((a) => a.jobId), "uuid")},
      ${array(advances.map((a) => a.nextRun), "float8")},
      ${array(advances.map((a) => a.newRuns), "int")}
    ) as a(job_id, next_run, new_runs)
    where j.id = a.job_id`);
}

/** Milliseconds until the earliest job is due, 0 or less if one is, null if none waits. */
export async function msUntilNextDue(db: Db): Promise<number | null> {
  const { rows } = await db.execute<{ ms: number | null }>(sql`
    select (extract(epoch from min(next_run) - clock_timestamp()) * 1000)::float8 as ms from jobs where next_run is not null`);
  return rows[0]?.ms ?? null;
}

/** A job without a next run, of which nothing is pending or running. */
export type SettlingJob = {
  id: string;
  accountId: string;
  scheduleSpec: Schedule;
  maxRuns: number;
  runCount: number;
  /** The latest occurrence in the ledger. */
  lastScheduledFor: number | null;
  now: number;
};

/** Locks such jobs: each is either over, or has runs left since some of those given out were skipped. */
export async function lockSettlingJobs(tx: Db, limit: number): Promise<SettlingJob[]> {
  const { rows } = await tx.execute<SettlingJob>(sql`
    select j.id, j.account_id as "accountId", ${toMs(sql`now()`)} as now, j.schedule_spec as "scheduleSpec", j.max_runs as "maxRuns", j.run_count as "runCount",
      (select ${toMs(sql`max(e.scheduled_for)`)} from executions e where e.job_id = j.id and e.trigger = 'schedule') as "lastScheduledFor"
    from jobs j
    where j.status = 'active' and j.enabled and j.next_run is null
      and not exists (select from executions e where e.job_id = j.id and e.status in ('pending', 'running'))
    limit ${limit}
    for no key update of j skip locked`);
  return rows;
}

/** Writes what became of a settling job: completed, or due again at `nextRun`. */
export async function settleJob(tx: Db, jobId: string, nextRun: number | null): Promise<void> {
  await tx.execute(
    nextRun === null
      ? sql`update jobs set status = 'completed', updated_at = now() where id = ${jobId}`
      : sql`update jobs set next_run = ${toInstant(nextRun)} where id = ${jobId}`,
  );
}
