/** The ledger checked against the change history: nothing lost, nothing double, nothing stuck. */
import type { AuditFinding, AuditTerms } from "@belfry/contract/audit.ts";
import type { ExecutionStatus } from "@belfry/contract/states.ts";
import { nextRun } from "@belfry/schedule/next-run.ts";
import { and, asc, eq, gt, inArray, type SQL, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { compareLedger, type Difference, type LedgerRow } from "./compare-ledger.ts";
import { type JobChangeRow, readChanges } from "./job-changes.ts";
import { isComputable, planSegments } from "./planned-instants.ts";
import { readStuck } from "./read-stuck.ts";
import { readFloor } from "./retention.ts";
import { array, columnsOf, toInstant, toMs } from "./sql-values.ts";
import { archivedTotals } from "./tables/archived-totals.ts";
import { jobs } from "./tables/jobs.ts";
import { inTransaction } from "./transaction.ts";

export type AuditOptions = {
  accountId?: string;
  jobId?: string;
  /** What counts as old is measured from here, in milliseconds; the database's clock if absent. */
  now?: number;
  /** Occurrences before this instant are left out, as are those that the ledger does not keep any more. Milliseconds. */
  since?: number;
};

export type JobAudit = {
  jobId: string;
  terms: AuditTerms;
  /** The first of them. */
  findings: AuditFinding[];
  /** How many more there are. */
  omitted: number;
};

/** Jobs that are looked at in one transaction. */
const BATCH = 20;
/** Rows that are held in memory at once, beside what a job's history takes. */
const PAGE = 5_000;
/** More of one job nobody reads. */
const MAX_FINDINGS = 100;
/** A job that is due for so long is not just late. */
const OVERDUE_MS = 600_000;

/**
 * Audits job by job, each at one instant: in a REPEATABLE READ transaction all that belongs together is seen as it was
 * committed, so a cluster that goes on meanwhile makes no false alarm. `db` is no transaction already.
 */
export async function* auditLedger(db: Db, options: AuditOptions = {}): AsyncGenerator<JobAudit> {
  let after = "00000000-0000-0000-0000-000000000000";
  while (true) {
    const audits = await auditBatch(db, after, options);
    yield* audits;
    const last = audits.at(-1);
    if (!last || audits.length < BATCH) return;
    after = last.jobId;
  }
}

async function auditBatch(db: Db, after: string, options: AuditOptions): Promise<JobAudit[]> {
  return inTransaction(db, async (tx) => {
    await tx.execute(sql`set transaction isolation level repeatable read, read only`);
    // It holds no lock; the walk through a long plan may keep the connection waiting.
    await tx.execute(sql`set local idle_in_transaction_session_timeout = '60s'`);
    const batch = await tx
      .select({ job: jobs, now: sql<number>`${toMs(sql`now()`)}` })
      .from(jobs)
      .where(and(gt(jobs.id, after), ...ofWhom(options)))
      .orderBy(asc(jobs.id))
      .limit(BATCH);
    const ids = batch.map(({ job }) => job.id);
    const now = options.now ?? batch[0]?.now ?? 0;
    const floor = await readFloor(tx);
    const since = Math.max(options.since ?? 0, floor?.keptFrom ?? 0);
    // While a partition is on its way into the totals, its runs are neither here nor there.
    const isWhole = options.since === undefined && (floor?.detached.length ?? 0) === 0;
    const archived = await readArchivedRuns(tx, ids);
    const changes = await readChanges(tx, ids);
    const begins = await readBegins(tx, ids, since);
    const counts = Map.groupBy(await countRows(tx, begins, since, isWhole), ({ jobId }) => jobId);
    const stuck = Map.groupBy(await readStuck(tx, ids, now), ({ jobId }) => jobId);
    const audits: JobAudit[] = [];
    for (const { job } of batch) {
      const audit = new Findings(job);
      const history = changes.get(job.id) ?? [];
      audit.addAll("plan", planFaults(job, history));
      if (job.nextRun && now - job.nextRun.getTime() > OVERDUE_MS)
        audit.add({
          kind: "overdue",
          ...at(job.nextRun.getTime()),
          message: "is due, and no scheduler has written it",
        });
      const segments = planSegments(history, job.nextRun ? job.nextRun.getTime() - 1 : now);
      const rows = readLedger(tx, job.id, begins.get(job.id) ?? since);
      const { due, before } = await compareLedger(segments, rows, since, (difference) => audit.add(difference));
      for (const row of stuck.get(job.id) ?? [])
        audit.add({ kind: "stuck", executionId: row.executionId, ...at(row.scheduledFor), message: row.why });
      const { terms, open, lastEnd, ...sums } = sumUp(counts.get(job.id) ?? [], due, before);
      const runs = sums.runs + (archived.get(job.id) ?? 0);
      const quietSince = Math.max(lastEnd, history.at(-1)?.at.getTime() ?? 0);
      if (isPlanned(job) && !job.nextRun && open === 0 && now - quietSince > OVERDUE_MS)
        audit.addAll("overdue", ["nothing of it is open, and no scheduler has completed it or planned it on"]);
      audit.addAll("run_count", countFaults(job, runs, isWhole));
      if (job.maxRuns > 0 && runs > job.maxRuns)
        audit.addAll("max_runs", [`the ledger has ${runs} runs, the job may have ${job.maxRuns}`]);
      audit.addAll("equation", equationFaults(terms));
      audits.push({ jobId: job.id, terms, findings: audit.kept, omitted: audit.omitted });
    }
    return audits;
  });
}

function ofWhom({ accountId, jobId }: AuditOptions): (SQL | undefined)[] {
  return [
    accountId === undefined ? undefined : eq(jobs.accountId, accountId),
    jobId === undefined ? undefined : eq(jobs.id, jobId),
  ];
}

type Job = typeof jobs.$inferSelect;

const isPlanned = (job: Job): boolean => job.enabled && job.status === "active";

/** Whether the job's row says what its history says. */
function planFaults({ nextRun: next, scheduleSpec }: Job, history: readonly JobChangeRow[]): string[] {
  const last = history.at(-1);
  if (!last) return ["the job has no change history"];
  const faults: string[] = [];
  if (history.some((change, i) => change.planned && history[i + 1]?.servedUpTo === null))
    faults.push("a plan of its history has no end");
  if (last.planned && !next) faults.push("it has a plan, but no next run");
  if (!last.planned && next) faults.push("it has a next run, but no plan");
  if (last.first && next && next < last.first) faults.push("its next run lies before its plan");
  if (last.planned && JSON.stringify(last.scheduleSpec) !== JSON.stringify(scheduleSpec))
    faults.push("its schedule is not that of its plan");
  for (const { kind, first, at, rulesVersion, scheduleSpec: spec } of history) {
    if (!first || !BEGINS_ANEW.has(kind) || !isComputable({ rulesVersion, scheduleSpec: spec }, first.getTime()))
      continue;
    if (!isFirstAfter(spec, at.getTime(), first.getTime()))
      faults.push(`its plan of ${at.toISOString()} begins at ${first.toISOString()}, which is not its first instant`);
  }
  if (last.planned && next && !isOf(scheduleSpec, next.getTime())) faults.push("its next run is none of its schedule");
  return faults;
}

/** Changes with which a plan begins at the first instant after them. */
const BEGINS_ANEW: ReadonlySet<string> = new Set<JobChangeRow["kind"]>(["created", "edited", "resumed", "revived"]);

const isOf = (schedule: Job["scheduleSpec"], instant: number): boolean => isFirstAfter(schedule, instant - 1, instant);

/** What cannot be computed, for want of its time zone, is taken as it is: the next sweep parks it. */
function isFirstAfter(schedule: Job["scheduleSpec"], after: number, instant: number): boolean {
  try {
    return nextRun(schedule, after) === instant;
  } catch {
    return true;
  }
}

/** Of a ledger that is not looked at as a whole one can only say that it has not more runs than were counted. */
function countFaults({ runCount }: Job, runs: number, isWhole: boolean): string[] {
  const right = isWhole ? runs === runCount : runs <= runCount;
  return right ? [] : [`run_count is ${runCount}, the ledger has ${runs} runs`];
}

function equationFaults({ due, ...byStatus }: AuditTerms): string[] {
  const sum = Object.values(byStatus).reduce((a, b) => a + b, 0);
  return due === sum ? [] : [`${due} occurrences were due, the ledger has ${sum}`];
}

type Count = {
  jobId: string;
  status: ExecutionStatus;
  scheduled: boolean;
  occurrences: number;
  rows: number;
  lastEnd: number | null;
};

/** Runs that are not in the ledger any more, by job. */
async function readArchivedRuns(tx: Db, jobIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await tx
    .select({ jobId: archivedTotals.jobId, runs: archivedTotals.runs })
    .from(archivedTotals)
    .where(inArray(archivedTotals.jobId, [...jobIds]));
  return new Map(rows.map(({ jobId, runs }) => [jobId, runs]));
}

/** From which occurrence on each job's rows are read: that of the range that reaches over `since`, if there is one. */
async function readBegins(tx: Db, jobIds: readonly string[], since: number): Promise<Map<string, number>> {
  const { rows } = await tx.execute<{ jobId: string; begin: number | null }>(sql`
    select asked.id as "jobId", (
      select case when last.scheduled_until >= ${toInstant(since)} then ${toMs(sql`last.scheduled_for`)} end
      from (
        select scheduled_for, scheduled_until from executions
        where job_id = asked.id and trigger = 'schedule' and scheduled_for < ${toInstant(since)}
        order by scheduled_for desc limit 1
      ) last
    ) as begin
    from unnest(${array(jobIds, "uuid")}) as asked(id)`);
  return new Map(rows.map(({ jobId, begin }) => [jobId, begin ?? since]));
}

/** `rows` are those of the whole ledger or those since then, `occurrences` in any case those since then. */
async function countRows(
  tx: Db,
  begins: ReadonlyMap<string, number>,
  since: number,
  isWhole: boolean,
): Promise<Count[]> {
  const column = columnsOf([...begins].map(([jobId, begin]) => ({ jobId, begin })));
  const counts = sql`scheduled_until >= ${toInstant(since)}`;
  const { rows } = await tx.execute<Count>(sql`
    select job_id as "jobId", status, trigger = 'schedule' as scheduled,
      coalesce(sum(occurrences) filter (where ${counts}), 0)::float8 as occurrences, count(*)::float8 as rows,
      ${toMs(sql`max(completed_at)`)} as "lastEnd"
    from unnest(${column("jobId", "uuid")}, ${column("begin", "float8")}) as asked(id, begin)
    join executions on job_id = asked.id ${isWhole ? sql`` : sql`and scheduled_for >= ${toInstant(sql`asked.begin`)}`}
    group by job_id, status, trigger`);
  return rows;
}

type Sums = { terms: AuditTerms; runs: number; open: number; lastEnd: number };

/** Only a range of misfires, which is skipped, can have begun before what is looked at. */
function sumUp(counts: readonly Count[], due: number, before: number): Sums {
  const terms = { due, success: 0, failed: 0, cancelled: 0, skipped: -before, running: 0, pending: 0 };
  let [runs, open, lastEnd] = [0, 0, 0];
  for (const { status, scheduled, occurrences, rows, lastEnd: end } of counts) {
    if (scheduled) terms[status] += occurrences;
    if (status !== "skipped") runs += rows;
    if (status === "pending" || status === "running") open += rows;
    lastEnd = Math.max(lastEnd, end ?? 0);
  }
  return { terms, runs, open, lastEnd };
}

async function* readLedger(tx: Db, jobId: string, begin: number): AsyncGenerator<LedgerRow> {
  let after = toInstant(begin - 1);
  while (true) {
    const { rows } = await tx.execute<LedgerRow>(sql`
      select id, ${toMs(sql`scheduled_for`)} as from, ${toMs(sql`scheduled_until`)} as until, occurrences as count
      from executions
      where job_id = ${jobId} and trigger = 'schedule' and scheduled_for > ${after}
      order by scheduled_for
      limit ${PAGE}`);
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return;
    after = toInstant(last.from);
  }
}

const at = (instant: number) => ({ from: instant, until: instant });

/** The findings of one job: the first ones, and how many there are besides. */
class Findings {
  readonly kept: AuditFinding[] = [];
  omitted = 0;
  readonly #job: Job;

  constructor(job: Job) {
    this.#job = job;
  }

  add({ kind, executionId = null, from, until, message }: Found): void {
    if (this.kept.length === MAX_FINDINGS) {
      this.omitted++;
      return;
    }
    const { id, name, accountId } = this.#job;
    this.kept.push({
      kind,
      job_id: id,
      job_name: name,
      account_id: accountId,
      execution_id: executionId,
      scheduled_for: from === undefined ? null : new Date(from).toISOString(),
      scheduled_until: until === undefined ? null : new Date(until).toISOString(),
      message,
    });
  }

  addAll(kind: AuditFinding["kind"], messages: readonly string[]): void {
    for (const message of messages) this.add({ kind, message });
  }
}

type Found = { kind: AuditFinding["kind"]; message: string } & Partial<
  Pick<Difference, "executionId" | "from" | "until">
>;
