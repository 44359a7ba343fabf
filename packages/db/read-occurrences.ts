/** What was planned of a job in a window of time, what became of it, and what is still to come. */
import type { ExecutionError } from "@belfry/contract/errors.ts";
import type { ExecutionStatus, SkipReason } from "@belfry/contract/states.ts";
import { nextFound } from "@belfry/schedule/next-run.ts";
import type { Schedule } from "@belfry/schedule/schedule.ts";
import { startDelay } from "@belfry/schedule/spread.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { readChanges } from "./job-changes.ts";
import { instantsOfRange, type PlanSegment, planSegments } from "./planned-instants.ts";
import { type Waiting, waitingColumns } from "./read-waiting.ts";
import { toInstant, toMs } from "./sql-values.ts";
import { inTransaction } from "./transaction.ts";

/** Instants in milliseconds since the epoch. */
export type Occurrence = {
  scheduledFor: number;
  /** When it is to start by the job's schedule of today: later than `scheduledFor` if that spreads its starts. */
  startsAt: number;
  /** Null as long as there is none. */
  execution: OccurrenceExecution | null;
};

export type OccurrenceExecution = Waiting & {
  id: string;
  scheduledFor: number;
  scheduledUntil: number;
  occurrences: number;
  status: ExecutionStatus;
  skipReason: SkipReason | null;
  /** Of its first attempt. */
  startedAt: number | null;
  error: ExecutionError | null;
};

/** From `from`, included, to `to`, excluded. */
export type OccurrenceWindow = { from: number; to: number; limit: number };

/**
 * A job with few runs left is followed run by run, to see which occurrences are still its own. Beyond so many the
 * preview does not care: runs that are skipped would change it anyway.
 */
const MAX_COUNTED_RUNS = 10_000;

/**
 * The planned instants of a job in a window, ascending, at most `limit` of them; `windowOf` is told the database's
 * "now". Null if the account has no such job. Read at one instant, so that none is missing or double that a sweep is
 * just writing. `db` is no transaction already.
 */
export async function readOccurrences(
  db: Db,
  accountId: string,
  jobId: string,
  windowOf: (now: number) => OccurrenceWindow,
): Promise<{ occurrences: Occurrence[]; window: OccurrenceWindow; now: number } | null> {
  return inTransaction(db, async (tx) => {
    await tx.execute(sql`set transaction isolation level repeatable read, read only`);
    const job = await readPlan(tx, accountId, jobId);
    if (!job) return null;
    const window = windowOf(job.now);
    const occurrences = await readRecorded(tx, job, window);
    for (const scheduledFor of toCome(job, window, window.limit - occurrences.length))
      occurrences.push({ scheduledFor, startsAt: startOf(job, scheduledFor), execution: null });
    return { occurrences, window, now: job.now };
  });
}

type PlannedJob = {
  id: string;
  now: number;
  nextRun: number | null;
  scheduleSpec: Schedule;
  maxRuns: number;
  runCount: number;
};

const startOf = ({ id, scheduleSpec }: PlannedJob, instant: number): number =>
  instant + startDelay(scheduleSpec, id, instant);

async function readPlan(tx: Db, accountId: string, jobId: string): Promise<PlannedJob | null> {
  const { rows } = await tx.execute<PlannedJob>(sql`
    select id, floor(${toMs(sql`now()`)}) as now, ${toMs(sql`next_run`)} as "nextRun", schedule_spec as "scheduleSpec",
      max_runs as "maxRuns", run_count as "runCount"
    from jobs where id = ${jobId} and account_id = ${accountId}`);
  return rows[0] ?? null;
}

async function readRecorded(tx: Db, job: PlannedJob, { from, to, limit }: OccurrenceWindow): Promise<Occurrence[]> {
  const recorded: Occurrence[] = [];
  let plan: PlanSegment[] | undefined;
  for (const execution of await readExecutions(tx, job.id, { from, to, limit })) {
    const { scheduledFor, scheduledUntil } = execution;
    if (execution.occurrences > 1)
      plan ??= planSegments((await readChanges(tx, [job.id])).get(job.id) ?? [], job.nextRun ?? job.now);
    const instants =
      plan && execution.occurrences > 1
        ? instantsOfRange(plan, { from: scheduledFor, until: scheduledUntil }, from)
        : [scheduledFor];
    for (const instant of instants) {
      if (recorded.length === limit || instant >= to) break;
      recorded.push({ scheduledFor: instant, startsAt: startOf(job, instant), execution });
    }
  }
  return recorded;
}

/** Those that begin in the window, and before them the one that may reach into it. */
async function readExecutions(
  tx: Db,
  jobId: string,
  { from, to, limit }: OccurrenceWindow,
): Promise<OccurrenceExecution[]> {
  const ofSchedule = sql`job_id = ${jobId} and trigger = 'schedule'`;
  const { rows } = await tx.execute<OccurrenceExecution>(sql`
    with found as (
      (select * from (
        select * from executions where ${ofSchedule} and scheduled_for < ${toInstant(from)}
        order by scheduled_for desc limit 1
      ) earlier where scheduled_until >= ${toInstant(from)})
      union all
      (select * from executions
      where ${ofSchedule} and scheduled_for >= ${toInstant(from)} and scheduled_for < ${toInstant(to)}
      order by scheduled_for limit ${limit})
    )
    select e.id, ${toMs(sql`e.scheduled_for`)} as "scheduledFor", ${toMs(sql`e.scheduled_until`)} as "scheduledUntil",
      e.occurrences, e.status, e.skip_reason as "skipReason", ${waitingColumns},
      ${toMs(sql`coalesce(a.started_at, e.started_at)`)} as "startedAt", e.error
    from found e
    left join attempts a on a.execution_id = e.id and a.attempt = 1
    order by e.scheduled_for`);
  return rows;
}

/** What the schedulers have not written yet. A job that is not active has no next run. */
function* toCome(job: PlannedJob, { from, to }: OccurrenceWindow, atMost: number): Generator<number> {
  if (job.nextRun === null) return;
  const runsLeft = job.maxRuns === 0 ? Number.POSITIVE_INFINITY : job.maxRuns - job.runCount;
  let [left, next] = [runsLeft, job.nextRun as number | null];
  if (runsLeft > MAX_COUNTED_RUNS && from > job.nextRun) next = nextFound(job.scheduleSpec, from - 1);
  for (let given = 0; next !== null && next < to && left > 0 && given < atMost; left--) {
    if (next >= from) {
      yield next;
      given++;
    }
    next = nextFound(job.scheduleSpec, next);
  }
}
