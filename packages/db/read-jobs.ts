import type { JobStatus } from "@belfry/contract/states.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { type Glance, glanceAt, type JobWithLedger, judgeAtAGlance } from "./job-glance.ts";
import { readWarnings } from "./job-warnings.ts";
import { array, atMost } from "./sql-values.ts";
import { ask, type Statement, statement } from "./statement.ts";
import type { jobs } from "./tables/jobs.ts";

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

/** What a list can be narrowed by, each a condition with a value of that name. */
const CONDITIONS = {
  accountId: sql`account_id = ${sql.placeholder("accountId")}`,
  name: sql`name = ${sql.placeholder("name")}`,
  status: sql`status = ${sql.placeholder("status")}`,
  enabled: sql`enabled = ${sql.placeholder("enabled")}`,
  project: sql`project = ${sql.placeholder("project")}`,
  functionId: sql`function_id = ${sql.placeholder("functionId")}`,
  before: sql`id < ${sql.placeholder("before")}`,
} as const;
type ListValues = { [name in keyof typeof CONDITIONS]?: unknown };

/** What is read at once: a text for each limit and each filter would be many, and each is kept by the server. */
const LIST_SIZES = [11, 51, 101];
const lists = new Map<string, Statement<JobRow & Glance, ListValues>>();

/** Newest first, those before the id `before`. */
export async function listJobs(
  db: Db,
  accountId: string,
  filter: JobFilter,
  { before, limit }: { before?: string; limit: number },
): Promise<JobWithLedger[]> {
  const values: ListValues = { accountId, ...filter, before };
  const asked = (Object.keys(CONDITIONS) as (keyof typeof CONDITIONS)[]).filter((name) => values[name] !== undefined);
  const size = LIST_SIZES.find((one) => one >= limit) ?? limit;
  const key = `${size} ${asked}`;
  let list = lists.get(key);
  if (list === undefined) {
    const conditions = asked.map((name) => CONDITIONS[name]);
    // A limit that the planner does not know may be any: then it plans each list anew, which takes longer than the list.
    list = statement(
      glanceAt(
        sql`select * from jobs where ${sql.join(conditions, sql` and `)} order by id desc limit ${atMost(size)}`,
      ),
    );
    lists.set(key, list);
  }
  return withLedger(db, (await list(db, values)).slice(0, limit));
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
