/** The change history of jobs: when which plan began and ended. See tables/job-changes.ts. */
import type { JobChangeKind } from "@belfry/contract/states.ts";
import { asc, inArray, type SQL, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { newId } from "./new-id.ts";
import { columnsOf, nowMs, toInstant } from "./sql-values.ts";
import { jobChanges } from "./tables/job-changes.ts";
import type { jobs } from "./tables/jobs.ts";

export type JobChangeRow = typeof jobChanges.$inferSelect;

/** `servedUpTo`: the last instant of the plan before that the ledger holds, in milliseconds; null if there was no plan. */
export type PlanChange = { jobId: string; kind: JobChangeKind; servedUpTo: number | null };

/**
 * Notes that plans have begun or ended. To be called after the jobs' rows were changed, in the same transaction and
 * under the same locks: what is planned from here on is read from the rows. `at` is the change's "now" in
 * milliseconds, the transaction's if absent.
 */
export async function recordChanges(tx: Db, changes: readonly PlanChange[], at?: number): Promise<void> {
  if (changes.length === 0) return;
  const column = columnsOf(changes.map((change) => ({ ...change, id: newId() })));
  const given = sql`unnest(
    ${column("id", "uuid")}, ${column("jobId", "uuid")}, ${column("kind", "text")}, ${column("servedUpTo", "float8")}
  ) as c(id, job_id, kind, served_up_to)`;
  await tx.execute(
    insertChanges(at === undefined ? nowMs : toInstant(at), sql`${given} join jobs j on j.id = c.job_id`),
  );
}

/** Notes changes `c` of jobs `j`, as `from` gives them: what is planned from here on is read from the jobs' rows. */
export const insertChanges = (at: SQL, from: SQL): SQL => sql`
  insert into job_changes (id, job_id, account_id, at, kind, planned, first, schedule_spec, rules_version, served_up_to)
  select c.id, j.id, j.account_id, ${at}, c.kind,
    j.next_run is not null, j.next_run, j.schedule_spec, j.rules_version, ${toInstant(sql`c.served_up_to`)}
  from ${from}`;

type Job = Pick<typeof jobs.$inferSelect, "id" | "status" | "enabled" | "deletedAt" | "scheduleSpec" | "nextRun">;

/**
 * What of a client's change at `now` concerns the plan, if anything. What was due until then has been served under the
 * old plan.
 */
export function planChange(was: Job, is: Job, now: number): PlanChange[] {
  const kind = kindOf(was, is);
  return kind === null ? [] : [{ jobId: was.id, kind, servedUpTo: servedUpTo(was.nextRun, now) }];
}

/** The end of a job's plan, if it had one, with a manual run that was the last it may have. */
export function planEnd(was: Pick<Job, "id" | "nextRun">, now: number): PlanChange[] {
  return was.nextRun ? [{ jobId: was.id, kind: "exhausted", servedUpTo: servedUpTo(was.nextRun, now) }] : [];
}

/** A sweep that was a moment ahead of us may have served more than what was due at our `now`. */
const servedUpTo = (nextRun: Date | null, now: number): number | null =>
  nextRun && Math.max(now, nextRun.getTime() - 1);

function kindOf(was: Job, is: Job): JobChangeKind | null {
  if (is.deletedAt && !was.deletedAt) return "deleted";
  if (is.enabled !== was.enabled) return is.enabled ? "revived" : "disabled";
  if (is.status !== was.status && is.status === "paused") return "paused";
  if (is.status !== was.status && was.status === "paused") return "resumed";
  const samePlan = is.scheduleSpec === was.scheduleSpec && is.nextRun?.getTime() === was.nextRun?.getTime();
  return samePlan ? null : "edited";
}

/** The history of some jobs, each in order. */
export async function readChanges(db: Db, jobIds: readonly string[]): Promise<Map<string, JobChangeRow[]>> {
  const rows = await db
    .select()
    .from(jobChanges)
    .where(inArray(jobChanges.jobId, [...jobIds]))
    .orderBy(asc(jobChanges.seq));
  return Map.groupBy(rows, (row) => row.jobId);
}
