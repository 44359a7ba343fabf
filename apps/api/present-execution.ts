import type { AttemptRow, ExecutionRow } from "@belfry/db/read-executions.ts";
import type { ExecutionAnswer, ExecutionWithAttemptsAnswer } from "./answers.ts";

/** A row of the ledger as the API answers it. */
export function presentExecution(row: ExecutionRow): ExecutionAnswer {
  return {
    id: row.id,
    job_id: row.jobId,
    account_id: row.accountId,
    function_id: row.functionId,
    function_version: row.functionVersion,
    trigger: row.trigger,
    scheduled_for: row.scheduledFor.toISOString(),
    occurrences: row.occurrences,
    scheduled_until: row.scheduledUntil.toISOString(),
    status: row.status,
    skip_reason: row.skipReason,
    attempt: row.attempt,
    worker: row.worker,
    started_at: row.startedAt?.toISOString() ?? null,
    completed_at: row.completedAt?.toISOString() ?? null,
    duration_ms: row.durationMs,
    error: row.error,
    check: row.check,
    perform: row.perform,
    rollback: row.rollback,
    progress: row.progress,
  };
}

/** The same with the tries before the last one, and why it has not started. */
export function presentWithAttempts(
  row: ExecutionRow,
  attempts: AttemptRow[],
  waiting: string | null,
): ExecutionWithAttemptsAnswer {
  return {
    ...presentExecution(row),
    attempts: attempts.map((attempt) => ({
      attempt: attempt.attempt,
      outcome: attempt.outcome,
      worker: attempt.worker,
      started_at: attempt.startedAt.toISOString(),
      ended_at: attempt.endedAt.toISOString(),
      error: attempt.error,
    })),
    waiting,
  };
}
