import type { ExecutionError } from "@belfry/contract/errors.ts";
import type { ClaimedExecution } from "@belfry/db/executions.ts";
import type { HttpClient } from "@belfry/runners/http-client.ts";
import type { StopSignal } from "@belfry/runners/stop-signal.ts";
import type { SurveyedModule } from "@belfry/runners/survey.ts";
import { signOf } from "./breaker-sign.ts";
import { type CallTools, callFunction } from "./call-function.ts";
import { limitAttempt } from "./limit-attempt.ts";
import type { Known, Outcome } from "./outcome.ts";
import { logEnd, type RecordTools, recordOutcome } from "./record-outcome.ts";
import { resolveTarget, type Sandbox } from "./resolve-target.ts";
import { signingSecrets } from "./signing-secrets.ts";

export type ExecuteTools = CallTools &
  RecordTools & {
    http: HttpClient;
    /** What this worker can run at the moment. */
    modules: ReadonlyMap<string, SurveyedModule>;
    /** Where uploaded functions run. */
    sandbox: Sandbox;
  };

/**
 * The life of a claimed execution: call its phases, judge, record. `signal` stops it; its reason says why. `onWaiting`
 * is called when there is nothing to do for it but wait until its function answers later.
 */
export async function execute(
  claimed: ClaimedExecution,
  tools: ExecuteTools,
  signal: StopSignal,
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
  await recordOutcome(claimed, outcome, tools);
}

/** Its function's circuit breaker is open: nothing is called, and the attempt is not used up. */
async function postpone(claimed: ClaimedExecution, inMs: number, tools: ExecuteTools): Promise<void> {
  const { ledger, log } = tools;
  const { executionId, attempt, jobId } = claimed;
  const came = await ledger.postpone({ executionId, attempt, jobId, inMs });
  const fields = { execution_id: executionId, job_id: jobId, function_id: claimed.functionId, attempt, in_ms: inMs };
  if (came === "postponed") return log.debug(fields, "postponed, its function's circuit breaker is open");
  const nothing = { check: null, perform: null };
  const outcome: Known = came === "cancelled" ? { ...cancelled, ...nothing } : { end: "stopped", ...nothing };
  if (came === "lost") logEnd(claimed, outcome, "claim lost", log);
  else await recordOutcome(claimed, outcome, tools);
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
