import type { JobStatus } from "@belfry/contract/states.ts";
import { and, desc, eq, lt, type SQL, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { type Glance, glanceAt, type JobWithLedger, judgeAtAGlance } from "./job-glance.ts";
import { readWarnings } from "./job-warnings.ts";
import { array } from "./sql-values.ts";
import { ask, statement } from "./statement.ts";
import { jobs } from "./tables/jobs.ts";

export type JobFilter = {
  name?: string | undefined;
  status?: JobStatus | undefined;
  enabled?: boolean | undefined;
  project?: string | undefined;
  functionId?: string | undefined;
};

type JobRow = typeof jobs.$inferSelect;

const glanceAtThese = statement<JobRow & Glance, { jobIds: readonly string[]; accountId: string }>(
  glanceAt(sql`
    select * from jobs where id = any (${sql.placeholder("jobIds")}::uuid[]) and account_id = ${sql.placeholder("accountId")}`),
);

export async function getJob(db: Db, accountId: string, jobId: string): Promise<JobWithLedger | null> {
  const found = await getJobs(db, accountId, [jobId]);
  return [...found.values()][0] ?? null;
}

/** Those of these jobs that the account has, by their ids. */
export async function getJobs(
  db: Db,
  accountId: string,
  jobIds: readonly string[],
): Promise<Map<string, JobWithLedger>> {
  const found = await withLedger(db, await glanceAtThese(db, { jobIds, accountId }));
  return new Map(found.map((job) => [job.id, job]));
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
  // A limit that the planner does not know may be any: then it plans each list anew, which takes longer than the list.
  const limit = sql.raw(String(Math.trunc(page.limit)));
  const asked = sql`select * from jobs where ${and(...conditions)} order by ${desc(jobs.id)} limit ${limit}`;
  return withLedger(db, await ask<JobRow & Glance>(db, glanceAt(asked)));
}

/** What the glances tell, and of those that do not tell enough what the ledger does. */
async function withLedger(db: Db, rows: readonly (JobRow & Glance)[]): Promise<JobWithLedger[]> {
  const seen = rows.map(({ module, workers, able, lastStoppedAt, overdue, waits, newest, ...job }) => ({
    job,
    judged: judgeAtAGlance(job, { module, workers, able, lastStoppedAt, overdue, waits, newest }),
  }));
  const unclear = seen.filter(({ judged }) => judged === null).map(({ job }) => job.id);
  const lastRuns = await readLastRuns(db, unclear);
  const warnings = await readWarnings(db, unclear);
  return seen.map(
    ({ job, judged }) =>
      judged ?? { ...job, lastRun: lastRuns.get(job.id) ?? null, warnings: warnings.get(job.id) ?? [] },
  );
}

async function readLastRuns(db: Db, jobIds: readonly string[]): Promise<Map<string, Date | null>> {
  if (jobIds.length === 0) return new Map();
  const rows = await ask<{ id: string; lastRun: Date | null }>(
    db,
    sql`
      select j.id, (
        select e.started_at from executions e
        where e.job_id = j.id and e.started_at is not null
        order by e.scheduled_for desc limit 1
      ) as "lastRun"
      from unnest(${array(jobIds, "uuid")}) as j(id)`,
  );
  return new Map(rows.map(({ id, lastRun }) => [id, lastRun]));
}
