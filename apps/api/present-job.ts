import type { JobWithLedger } from "@belfry/db/job-glance.ts";
import { describe } from "@belfry/schedule/describe.ts";
import type { JobAnswer } from "./answers.ts";

/**
 * The serializer of routes that answer with jobs, which are what `presentJob` builds: to have each walked by its schema once more
 * took as long as reading it. The tests do that (test-api.ts).
 */
export const asPresented = (): ((answer: unknown) => string) => JSON.stringify;

/** A job's row as the API answers it. */
export function presentJob(row: JobWithLedger): JobAnswer {
  return {
    id: row.id,
    account_id: row.accountId,
    function_id: row.functionId,
    name: row.name,
    description: row.description,
    project: row.project,
    schedule: row.schedule,
    schedule_description: describe(row.scheduleSpec),
    timezone: row.timezone,
    dst: row.dst,
    payload: row.payload,
    priority: row.priority,
    pool: row.pool,
    max_runs: row.maxRuns,
    timeout_ms: row.timeoutMs,
    check_timeout_ms: row.checkTimeoutMs,
    perform_timeout_ms: row.performTimeoutMs,
    misfire: row.misfire,
    overlap: row.overlap,
    auto_pause_after: row.autoPauseAfter,
    retry: row.retry,
    delivery: row.delivery,
    status: row.status,
    enabled: row.enabled,
    paused_reason: row.pausedReason,
    run_count: row.runCount,
    last_run: row.lastRun?.toISOString() ?? null,
    next_run: row.nextRun?.toISOString() ?? null,
    warnings: row.warnings.map((warning) => ({ ...warning, since: warning.since.toISOString() })),
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
    deleted_at: row.deletedAt?.toISOString() ?? null,
  };
}
