import type { ExecutionError } from "@belfry/contract/errors.ts";
import type { PhaseRecord, Progress } from "@belfry/contract/execution.ts";
import type { ClaimedExecution } from "@belfry/db/executions.ts";
import { readCheckResult } from "@belfry/runners/check-result.ts";
import { stopFailure } from "@belfry/runners/deadline.ts";
import type { HostPool } from "@belfry/runners/host-pool.ts";
import type { HttpClient } from "@belfry/runners/http-client.ts";
import { checkEvent, performEvent, type Run } from "@belfry/runners/phase-event.ts";
import { runHosted } from "@belfry/runners/run-hosted.ts";
import { type PhaseResult, type PhaseTarget, runPhase } from "@belfry/runners/run-phase.ts";
import type { SurveyedModule } from "@belfry/runners/survey.ts";
import type { Logger } from "@belfry/service/logger.ts";
import type { ExecutionMetrics } from "@belfry/service/metrics.ts";
import { signOf } from "./breaker-sign.ts";
import type { Breakers } from "./breakers.ts";
import { type Callbacks, laterOf } from "./callbacks.ts";
import type { Ledger } from "./ledger.ts";
import { limitAttempt } from "./limit-attempt.ts";
import { resolveTarget, type Sandbox, type Target } from "./resolve-target.ts";
import { retryDelay } from "./retry-delay.ts";
import { signingSecrets } from "./signing-secrets.ts";

export type ExecuteTools = {
  ledger: Ledger;
  breakers: Breakers;
  /** Null if functions may not answer later. */
  callbacks: Callbacks | null;
  /** Null if nobody measures. */
  metrics: ExecutionMetrics | null;
  http: HttpClient;
  /** What this worker can run at the moment. */
  modules: ReadonlyMap<string, SurveyedModule>;
  /** Where modules run. */
  hosts: HostPool;
  /** Where uploaded functions run. */
  sandbox: Sandbox;
  log: Logger;
};

/** How an attempt ended, before it is known whether there will be another. */
type Outcome = {
  check: PhaseRecord | null;
  perform: PhaseRecord | null;
  rollback?: PhaseRecord | null;
  progress?: Progress | null;
} & (
  | { end: "success" }
  | { end: "declined" }
  | { end: "stopped" }
  | { end: "disabled" }
  /** The process in which it ran has ended, and it is not known why: as if its worker had ended. */
  | { end: "lost"; message: string }
  | ({ end: "failed"; error: ExecutionError } & Pick<PhaseResult, "retryable" | "retryAfterMs">)
);

type Known = Exclude<Outcome, { end: "lost" }>;

/**
 * The life of a claimed execution: call its phases, judge, record. `signal` stops it; its reason says why. `onWaiting`
 * is called when there is nothing to do for it but wait until its function answers later.
 */
export async function execute(
  claimed: ClaimedExecution,
  tools: ExecuteTools,
  signal: AbortSignal,
  onWaiting: () => void = () => undefined,
): Promise<void> {
  const delayMs = await tools.breakers.delay(claimed);
  if (delayMs !== null) return postpone(claimed, delayMs, tools);
  const { functionId } = claimed;
  const readSecrets = () => tools.ledger.secretsOf(functionId);
  const secrets = signingSecrets(claimed.function.secrets ?? [], readSecrets, tools.log);
  const target = resolveTarget(claimed, tools.http, tools.modules, secrets, tools.sandbox);
  if (!target && (await leaveToAnother(claimed, tools))) return;
  const outcome = target
    ? await limitAttempt(claimed.timeoutMs, signal, (limited) =>
        callFunction(claimed, target, tools, onWaiting, limited),
      )
    : notFound(claimed);
  // Before the verdict: the next attempt is to find the breaker as this one has left it.
  await tools.breakers.note(claimed, signOf(outcome));
  // Handed back or lost: what this attempt came to is written by whoever took it over.
  if (outcome.end === "failed" && isNotOursToRecord(outcome.error)) return;
  if (outcome.end === "lost") return recordLost(claimed, outcome.message, tools);
  const recorded = await record(claimed, outcome, tools.ledger);
  logEnd(claimed, outcome, recorded, tools.log);
  if (tools.metrics) measure(tools.metrics, outcome, recorded);
}

/** Its function's circuit breaker is open: nothing is called, and the attempt is not used up. */
async function postpone(claimed: ClaimedExecution, inMs: number, { ledger, log }: ExecuteTools): Promise<void> {
  const { executionId, attempt, jobId } = claimed;
  const came = await ledger.postpone({ executionId, attempt, jobId, inMs });
  const fields = { execution_id: executionId, job_id: jobId, function_id: claimed.functionId, attempt, in_ms: inMs };
  if (came === "postponed") return log.debug(fields, "postponed, its function's circuit breaker is open");
  const nothing = { check: null, perform: null };
  const outcome: Outcome = came === "cancelled" ? { ...cancelled, ...nothing } : { end: "stopped", ...nothing };
  logEnd(claimed, outcome, came === "lost" ? "claim lost" : await record(claimed, outcome, ledger), log);
}

const cancelled = {
  end: "failed",
  error: { code: "CANCELLED", message: "cancelled while it waited" },
  retryable: false,
  retryAfterMs: null,
} as const;

/** While workers are replaced one by one, some have a module and some do not have it yet. */
async function leaveToAnother(
  { executionId, attempt, function: fn }: ClaimedExecution,
  { ledger, log }: ExecuteTools,
): Promise<boolean> {
  const left = await ledger.unclaim(executionId, attempt);
  if (left)
    log.warn({ execution_id: executionId, module: fn.module }, "this worker lacks the module, left to another one");
  return left;
}

function callFunction(
  claimed: ClaimedExecution,
  { target, ...limits }: Target,
  tools: ExecuteTools,
  onWaiting: () => void,
  signal: AbortSignal,
): Promise<Outcome> {
  const { executionId, attempt, jobId, trigger, payload } = claimed;
  const run: Run = { executionId, attempt, jobId, trigger, payload, scheduledFor: new Date(claimed.scheduledFor) };
  if (target.kind === "hosted") return callHosted(run, target.module, limits, tools, signal);
  const { breakers, callbacks, ledger } = tools;
  const takenOn = () => {
    onWaiting();
    // It took it on, so it is there: whether it has recovered is not to wait until it is done.
    void breakers.note(claimed, "answers");
  };
  const later = callbacks && { later: laterOf(callbacks, claimed, takenOn) };
  return callPhases({ ...run, ...later }, target, limits, ledger, signal);
}

type Limits = Omit<Target, "target">;

/** A module goes through its phases in its host, which asks back if the check took long. */
async function callHosted(
  run: Run,
  module: SurveyedModule,
  { checkTimeoutMs, performTimeoutMs }: Limits,
  { hosts, ledger }: ExecuteTools,
  signal: AbortSignal,
): Promise<Outcome> {
  if (!module.enabled) return { end: "disabled", check: null, perform: null };
  const { executionId, attempt } = run;
  let progress: Progress | null = null;
  const outcome = await runHosted(hosts, module, {
    run,
    checkTimeoutMs,
    performTimeoutMs,
    signal,
    askAfter: Date.now() + LONG_CHECK_MS,
    mayPerform: () => ledger.mayPerform(executionId, attempt),
    onProgress(latest) {
      progress = latest;
      ledger.noteProgress(executionId, attempt, latest);
    },
  });
  return outcome.end === "failed" ? { ...outcome, retryAfterMs: null, progress } : { ...outcome, progress };
}

async function callPhases(
  run: Run,
  target: PhaseTarget,
  { hasCheck, checkTimeoutMs, performTimeoutMs }: Limits,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<Outcome> {
  const { executionId, attempt } = run;
  const began = performance.now();
  const check = hasCheck
    ? await runPhase(target, { run, event: checkEvent(run), timeoutMs: checkTimeoutMs, signal })
    : null;
  if (check?.error) return failed(check, { check: check.record, perform: null });
  const { shouldPerform, performPayload } = check ? readCheckResult(check.output) : PERFORM_WITHOUT_CHECK;
  if (!shouldPerform) return { end: "declined", check: check?.record ?? null, perform: null };

  // From the claim on, and not by the check's own time: it may have waited for a place in the sandbox.
  if (check && performance.now() - began >= LONG_CHECK_MS && !(await ledger.mayPerform(executionId, attempt))) {
    return { end: "stopped", check: check.record, perform: null };
  }
  if (signal.aborted) return stoppedBetween(signal, check?.record ?? null);
  const event = performEvent(run, performPayload);
  const perform = await runPhase(target, { run, event, timeoutMs: performTimeoutMs, signal });
  const records = { check: check?.record ?? null, perform: perform.record };
  return perform.error ? failed(perform, records) : { end: "success", ...records };
}

/** After a check of this length the job may have been paused: it is asked again before anything is performed. */
const LONG_CHECK_MS = 50;

const PERFORM_WITHOUT_CHECK = { shouldPerform: true, performPayload: {} };

function failed(result: PhaseResult, records: Pick<Outcome, "check" | "perform">): Outcome {
  const { error, retryable, retryAfterMs } = result;
  return { end: "failed", error: error as ExecutionError, retryable, retryAfterMs, ...records };
}

/** Stopped while no phase was under way: there is no perform, and so no record of one. */
function stoppedBetween(signal: AbortSignal, check: PhaseRecord | null): Outcome {
  const { code, message, retryable } = stopFailure(signal.reason);
  return { end: "failed", error: { code, message }, retryable, retryAfterMs: null, check, perform: null };
}

function notFound(claimed: ClaimedExecution): Outcome {
  const message = `no worker of this pool was found that has the module "${claimed.function.module}"`;
  const error = { code: "FUNCTION_NOT_FOUND", message } as const;
  return { end: "failed", error, retryable: true, retryAfterMs: null, check: null, perform: null };
}

const isNotOursToRecord = ({ code }: ExecutionError): boolean => code === "WORKER_LOST" || code === "WORKER_STOPPED";

/** Ends the attempt as if its worker had been lost: another one, unless the job wants none or it was lost too often. */
async function recordLost(
  { executionId, attempt, jobId }: ClaimedExecution,
  message: string,
  { ledger, log }: ExecuteTools,
): Promise<void> {
  await ledger.lose(executionId, message);
  log.warn({ execution_id: executionId, job_id: jobId, attempt, reason: message }, "attempt lost with its process");
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

function judge(outcome: Known) {
  if (outcome.end === "success") return { status: "success", skipReason: null, error: null } as const;
  if (outcome.end === "declined") return { status: "skipped", skipReason: "check_declined", error: null } as const;
  if (outcome.end === "disabled") return { status: "skipped", skipReason: "function_disabled", error: null } as const;
  if (outcome.end === "stopped") return { status: "skipped", skipReason: "paused", error: null } as const;
  const status = outcome.error.code === "CANCELLED" ? "cancelled" : "failed";
  return { status, skipReason: null, error: outcome.error } as const;
}

function measure(metrics: ExecutionMetrics, outcome: Known, recorded: Recorded): void {
  for (const phase of ["check", "perform"] as const) {
    const record = outcome[phase];
    if (record) metrics.phaseEnded(phase, { ms: record.duration_ms, ok: record.error === null });
  }
  if (recorded === "final") metrics.runEnded(judge(outcome).status);
}

function logEnd(claimed: ClaimedExecution, outcome: Known, recorded: Recorded, log: Logger): void {
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

function errorOf(outcome: Known): { error_code?: string; error_message?: string } {
  return outcome.end === "failed" ? { error_code: outcome.error.code, error_message: outcome.error.message } : {};
}
