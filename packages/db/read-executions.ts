import type { ExecutionStatus, Trigger } from "@belfry/contract/states.ts";
import { and, asc, desc, eq, gte, lt, type SQL, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { leastExecutionId } from "./execution-id.ts";
import { attempts } from "./tables/attempts.ts";
import { executions } from "./tables/executions.ts";

export type ExecutionRow = typeof executions.$inferSelect;
export type AttemptRow = typeof attempts.$inferSelect;

export type ExecutionFilter = {
  jobId?: string | undefined;
  status?: ExecutionStatus | undefined;
  trigger?: Trigger | undefined;
  /** Occurrences at or after this instant … */
  from?: Date | undefined;
  /** … and before this one. */
  to?: Date | undefined;
};

export async function getExecution(
  db: Db,
  accountId: string,
  executionId: string,
): Promise<{ execution: ExecutionRow; attempts: AttemptRow[] } | null> {
  const [execution] = await db
    .select()
    .from(executions)
    .where(and(eq(executions.id, executionId), eq(executions.accountId, accountId)));
  if (!execution) return null;
  const earlier = await db
    .select()
    .from(attempts)
    .where(eq(attempts.executionId, executionId))
    .orderBy(asc(attempts.attempt));
  return { execution, attempts: earlier };
}

/** The last row of the page before. */
export type ExecutionCursor = { id: string; scheduledFor: Date };

/** Newest first, by occurrence: ids are in that order. Those of one job are read in the order of its own index. */
export function listExecutions(
  db: Db,
  accountId: string,
  filter: ExecutionFilter,
  page: { before?: ExecutionCursor; limit: number },
): Promise<ExecutionRow[]> {
  const ofOneJob = filter.jobId !== undefined;
  const conditions: (SQL | undefined)[] = [
    eq(executions.accountId, accountId),
    filter.jobId === undefined ? undefined : eq(executions.jobId, filter.jobId),
    filter.status === undefined ? undefined : eq(executions.status, filter.status),
    filter.trigger === undefined ? undefined : eq(executions.trigger, filter.trigger),
    // A span of time is a span of ids, and so of the index in which the rows are read.
    filter.from === undefined ? undefined : gte(executions.id, leastExecutionId(filter.from.getTime())),
    filter.to === undefined ? undefined : lt(executions.id, leastExecutionId(filter.to.getTime())),
    page.before && (ofOneJob ? beforeOccurrence(page.before) : lt(executions.id, page.before.id)),
  ];
  return db
    .select()
    .from(executions)
    .where(and(...conditions))
    .orderBy(...(ofOneJob ? [desc(executions.scheduledFor), desc(executions.id)] : [desc(executions.id)]))
    .limit(page.limit);
}

const beforeOccurrence = ({ id, scheduledFor }: ExecutionCursor): SQL =>
  sql`(${executions.scheduledFor}, ${executions.id}) < (${scheduledFor.toISOString()}::timestamptz, ${id}::uuid)`;
