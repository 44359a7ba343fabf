import type { JobStatus } from "@belfry/contract/states.ts";
import { and, desc, eq, getTableColumns, lt, type SQL, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { jobs } from "./tables/jobs.ts";

/** A job with what its ledger adds: when an execution of it last started. */
export type JobWithLastRun = typeof jobs.$inferSelect & { lastRun: Date | null };

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

export async function getJob(db: Db, accountId: string, jobId: string): Promise<JobWithLastRun | null> {
  const [row] = await db
    .select(columns)
    .from(jobs)
    .where(and(eq(jobs.id, jobId), eq(jobs.accountId, accountId)));
  return row ?? null;
}

/** Newest first, those before the id `before`. */
export function listJobs(
  db: Db,
  accountId: string,
  filter: JobFilter,
  page: { before?: string; limit: number },
): Promise<JobWithLastRun[]> {
  const conditions: (SQL | undefined)[] = [
    eq(jobs.accountId, accountId),
    filter.name === undefined ? undefined : eq(jobs.name, filter.name),
    filter.status === undefined ? undefined : eq(jobs.status, filter.status),
    filter.enabled === undefined ? undefined : eq(jobs.enabled, filter.enabled),
    filter.project === undefined ? undefined : eq(jobs.project, filter.project),
    filter.functionId === undefined ? undefined : eq(jobs.functionId, filter.functionId),
    page.before === undefined ? undefined : lt(jobs.id, page.before),
  ];
  return db
    .select(columns)
    .from(jobs)
    .where(and(...conditions))
    .orderBy(desc(jobs.id))
    .limit(page.limit);
}
