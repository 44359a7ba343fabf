import type { ClaimedExecution } from "@belfry/db/executions.ts";
import type { Logger } from "@belfry/service/logger.ts";
import type { ExecutionMetrics } from "@belfry/service/metrics.ts";
import type { Ledger } from "./ledger.ts";
import { errorOf, judge, type Known } from "./outcome.ts";
import { retryDelay } from "./retry-delay.ts";

export type RecordTools = {
  ledger: Ledger;
  /** Null if nobody measures. */
  metrics: ExecutionMetrics | null;
  log: Logger;
};

/** Writes what an attempt came to, and makes another possible where one is due. */
export async function recordOutcome(
  claimed: ClaimedExecution,
  outcome: Known,
  { ledger, metrics, log }: RecordTools,
): Promise<void> {
  const recorded = await record(claimed, outcome, ledger);
  logEnd(claimed, outcome, recorded, log);
  if (metrics) measure(metrics, outcome, recorded);
}

type Recorded = "final" | "retrying" | "claim lost";

async function record(claimed: ClaimedExecution, outcome: Known, ledger: Ledger): Promise<Recorded> {
  const { executionId, attempt, retry, othersMayWait } = claimed;
  const { check, perform, rollback = null, progress = null } = outcome;
  if (outcome.end === "failed" && outcome.retryable && attempt < retry.attempts) {
    const retryInMs = retryDelay(retry, attempt, outcome.retryAfterMs);
    if (await ledger.retry({ executionId, attempt, error: outcome.error, check, perform, rollback, retryInMs }))
      return "retrying";
  }
  const verdict = { executionId, attempt, check, perform, rollback, progress, othersMayWait, ...judge(outcome) };
  return (await ledger.finish(verdict)) ? "final" : "claim lost";
}

function measure(metrics: ExecutionMetrics, outcome: Known, recorded: Recorded): void {
  for (const phase of ["check", "perform"] as const) {
    const record = outcome[phase];
    if (record) metrics.phaseEnded(phase, { ms: record.duration_ms, ok: record.error === null });
  }
  if (recorded === "final") metrics.runEnded(judge(outcome).status);
}

/** One line for each attempt. */
export function logEnd(claimed: ClaimedExecution, outcome: Known, recorded: Recorded, log: Logger): void {
  const fields = {
    execution_id: claimed.executionId,
    job_id: claimed.jobId,
    job_name: claimed.jobName,
    account_id: claimed.accountId,
    function_id: claimed.functionId,
    attempt: claimed.attempt,
    trigger: claimed.trigger,
    scheduled_for: new Date(claimed.scheduledFor).toISOString(),
    ...(outcome.check && { check_ms: outcome.check.duration_ms }),
    ...(outcome.perform && { perform_ms: outcome.perform.duration_ms }),
  };
  if (recorded === "claim lost") return log.warn(fields, "claim was lost, the verdict of this attempt does not count");
  if (recorded === "retrying") return log.warn({ ...fields, ...errorOf(outcome) }, "attempt failed, trying again");
  const { status, skipReason } = judge(outcome);
  const level = status === "failed" ? "warn" : "info";
  log[level](
    { ...fields, status, ...(skipReason && { skip_reason: skipReason }), ...errorOf(outcome) },
    "execution ended",
  );
}
