import type { JobStatus } from "@belfry/contract/states.ts";
import { and, desc, eq, getTableColumns, lt, type SQL, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { type JobWarning, readWarnings } from "./job-warnings.ts";
import { jobs } from "./tables/jobs.ts";

/** A job with what its ledger adds: when an execution of it last started, and what is wrong with it. */
export type JobWithLedger = typeof jobs.$inferSelect & { lastRun: Date | null; warnings: JobWarning[] };

export type JobFilter = {
  name?: string | undefined;
  status?: JobStatus | undefined;
  enabled?: boolean | undefined;
  project?: string | undefined;
  functionId?: string | undefined;
};

const lastRun = sql<Date | null>`(
  select e.started_at from executions e
  where e.job_id = "jobs"."id" and e.started_at is not null
  order by e.scheduled_for desc limit 1
)`.mapWith(jobs.createdAt);

const columns = { ...getTableColumns(jobs), lastRun };

export async function getJob(db: Db, accountId: string, jobId: string): Promise<JobWithLedger | null> {
  const rows = await db
    .select(columns)
    .from(jobs)
    .where(and(eq(jobs.id, jobId), eq(jobs.accountId, accountId)));
  return (await withWarnings(db, rows))[0] ?? null;
}

/** Newest first, those before the id `before`. */
export async function listJobs(
  db: Db,
  accountId: string,
  filter: JobFilter,
  page: { before?: string; limit: number },
): Promise<JobWithLedger[]> {
  const conditions: (SQL | undefined)[] = [
    eq(jobs.accountId, accountId),
    filter.name === undefined ? undefined : eq(jobs.name, filter.name),
    filter.status === undefined ? undefined : eq(jobs.status, filter.status),
    filter.enabled === undefined ? undefined : eq(jobs.enabled, filter.enabled),
    filter.project === undefined ? undefined : eq(jobs.project, filter.project),
    filter.functionId === undefined ? undefined : eq(jobs.functionId, filter.functionId),
    page.before === undefined ? undefined : lt(jobs.id, page.before),
  ];
  const rows = await db
    .select(columns)
    .from(jobs)
    .where(and(...conditions))
    .orderBy(desc(jobs.id))
    .limit(page.limit);
  return withWarnings(db, rows);
}

async function withWarnings<Row extends { id: string }>(
  db: Db,
  rows: readonly Row[],
): Promise<(Row & { warnings: JobWarning[] })[]> {
  const warnings = await readWarnings(
    db,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => ({ ...row, warnings: warnings.get(row.id) ?? [] }));
}
