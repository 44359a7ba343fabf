import type { ExecutionError } from "@belfry/contract/errors.ts";
import type { Progress } from "@belfry/contract/execution.ts";
import type { ClaimedExecution } from "@belfry/db/executions.ts";
import { readCheckResult } from "@belfry/runners/check-result.ts";
import { stopFailure } from "@belfry/runners/deadline.ts";
import type { HostPool } from "@belfry/runners/host-pool.ts";
import { checkEvent, performEvent, type Run } from "@belfry/runners/phase-event.ts";
import type { PhaseFailure } from "@belfry/runners/phase-failure.ts";
import { runHosted } from "@belfry/runners/run-hosted.ts";
import { type PhaseResult, type PhaseTarget, runPhase } from "@belfry/runners/run-phase.ts";
import type { StopSignal } from "@belfry/runners/stop-signal.ts";
import type { SurveyedModule } from "@belfry/runners/survey.ts";
import { type Placed, takePlace } from "@belfry/runners/take-place.ts";
import type { Breakers } from "./breakers.ts";
import { type Callbacks, laterOf } from "./callbacks.ts";
import type { Ledger } from "./ledger.ts";
import type { Outcome } from "./outcome.ts";
import type { Target } from "./resolve-target.ts";

export type CallTools = {
  ledger: Ledger;
  breakers: Breakers;
  /** Null if functions may not answer later. */
  callbacks: Callbacks | null;
  /** Where modules run. */
  hosts: HostPool;
};

/** Calls the phases of a function that is there. `onWaiting` is called when nothing is to be done but wait for its answer. */
export function callFunction(
  claimed: ClaimedExecution,
  { target, ...limits }: Target,
  tools: CallTools,
  onWaiting: () => void,
  signal: StopSignal,
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
  { hosts, ledger }: CallTools,
  signal: StopSignal,
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
  signal: StopSignal,
): Promise<Outcome> {
  const { executionId, attempt } = run;
  const began = performance.now();
  const check = hasCheck
    ? await runPhase(target, { run, event: checkEvent(run), timeoutMs: checkTimeoutMs, signal })
    : null;
  if (check?.error) return failed(check, { check: check.record, perform: null });
  const { shouldPerform, performPayload } = check ? readCheckResult(check.output) : PERFORM_WITHOUT_CHECK;
  if (!shouldPerform) return { end: "declined", check: check?.record ?? null, perform: null };

  const checked = { check: check?.record ?? null, perform: null };
  let placed: Placed;
  try {
    placed = await takePlace(target, signal);
  } catch (thrown) {
    return endedBetween(thrown as PhaseFailure, checked);
  }
  try {
    // Asked after all waiting, which a check may have done as well: for its callback, or for a place in the sandbox.
    const late = performance.now() - began >= LONG_CHECK_MS;
    if (late && !(await ledger.mayPerform(executionId, attempt))) return { end: "stopped", ...checked };
    if (signal.aborted) return endedBetween(stopFailure(signal.reason), checked);
    const event = performEvent(run, performPayload);
    const perform = await runPhase(placed.target, { run, event, timeoutMs: performTimeoutMs, signal });
    const records = { ...checked, perform: perform.record };
    return perform.error ? failed(perform, records) : { end: "success", ...records };
  } finally {
    placed.leave();
  }
}

/** After this long the job may have been paused: it is asked again before anything is performed. */
const LONG_CHECK_MS = 50;

const PERFORM_WITHOUT_CHECK = { shouldPerform: true, performPayload: {} };

function failed(result: PhaseResult, records: Pick<Outcome, "check" | "perform">): Outcome {
  const { error, retryable, retryAfterMs } = result;
  return { end: "failed", error: error as ExecutionError, retryable, retryAfterMs, ...records };
}

/** Stopped while no phase was under way: there is no perform, and so no record of one. */
function endedBetween(
  { code, message, retryable }: PhaseFailure,
  records: Pick<Outcome, "check" | "perform">,
): Outcome {
  return { end: "failed", error: { code, message }, retryable, retryAfterMs: null, ...records };
}
