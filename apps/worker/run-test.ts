import type { JsonObject } from "@belfry/contract/json.ts";
import type { FunctionTest } from "@belfry/contract/sandbox.ts";
import type { Db } from "@belfry/db/client.ts";
import { validSecrets } from "@belfry/db/function-secrets.ts";
import type { ClaimedTest } from "@belfry/db/function-tests.ts";
import { getVersion } from "@belfry/db/function-versions.ts";
import { newId } from "@belfry/db/new-id.ts";
import { readCheckResult } from "@belfry/runners/check-result.ts";
import { checkEvent, performEvent, type Run } from "@belfry/runners/phase-event.ts";
import { type HostedOutcome, runHosted } from "@belfry/runners/run-hosted.ts";
import { type PhaseTarget, runPhase } from "@belfry/runners/run-phase.ts";
import type { ExecuteTools } from "./execute.ts";
import { type Callable, resolveTarget, type Target } from "./resolve-target.ts";

/** There is no job: the event of a test has this in its place. */
export const NO_JOB = "00000000-0000-0000-0000-000000000000";

export type TestTools = Pick<ExecuteTools, "http" | "modules" | "hosts" | "sandbox">;
type Phases = Pick<FunctionTest, "check" | "perform" | "rollback" | "error">;

/** What a test comes to of which no phase was called. */
export const noTest = (error: FunctionTest["error"]): FunctionTest => ({
  ...{ check: null, perform: null, rollback: null },
  function_version: null,
  error,
});

/**
 * Calls a function as an execution would, for somebody who wants to see what it does. Nothing of it is in the ledger; its
 * effects are real.
 */
export async function runTest(db: Db, test: ClaimedTest, tools: TestTools, signal: AbortSignal): Promise<FunctionTest> {
  const { accountId, request, function: fn } = test;
  const version = request.version ?? fn.version;
  const wanted = request.version === undefined ? null : await getVersion(db, fn.id, request.version);
  const callable: Callable = {
    accountId,
    functionId: fn.id,
    function: { ...fn, version, check: wanted?.check ?? fn.check, secrets: null, breaker: null },
    checkTimeoutMs: null,
    performTimeoutMs: null,
  };
  const secrets = () => validSecrets(db, fn.id);
  const target = resolveTarget(callable, tools.http, tools.modules, secrets, tools.sandbox);
  if (!target) {
    const error = { code: "FUNCTION_NOT_FOUND", message: `this worker lacks the module "${fn.module}"` } as const;
    return { ...noTest(error), function_version: version };
  }
  const payload = request.payload === undefined ? {} : request.payload;
  const now = new Date();
  const run: Run = { jobId: NO_JOB, executionId: newId(), attempt: 1, scheduledFor: now, trigger: "manual", payload };
  const called = target.target;
  const phases =
    called.kind === "hosted"
      ? await callHosted(run, { ...target, target: called }, request, tools, signal)
      : await callPhases(run, { ...target, target: called }, request, signal);
  return { ...phases, function_version: version };
}

type Request = ClaimedTest["request"];

async function callPhases(
  run: Run,
  { target, hasCheck, checkTimeoutMs, performTimeoutMs }: Target & { target: PhaseTarget },
  { phase, event = {} }: Request,
  signal: AbortSignal,
): Promise<Phases> {
  const extra = event as JsonObject;
  const check =
    phase !== "perform" && hasCheck
      ? await runPhase(target, { run, event: { ...extra, ...checkEvent(run) }, timeoutMs: checkTimeoutMs, signal })
      : null;
  const { shouldPerform, performPayload } =
    check && !check.error ? readCheckResult(check.output) : { shouldPerform: !check, performPayload: {} };
  if (phase === "check" || !shouldPerform) {
    return { check: check?.record ?? null, perform: null, rollback: null, error: null };
  }
  const given = performEvent(run, { ...performPayload, ...extra });
  const perform = await runPhase(target, { run, event: given, timeoutMs: performTimeoutMs, signal });
  return { check: check?.record ?? null, perform: perform.record, rollback: null, error: null };
}

/** A module goes through its phases in its host, which asks before it performs. */
async function callHosted(
  run: Run,
  { target, checkTimeoutMs, performTimeoutMs }: Target & { target: { kind: "hosted" } },
  { phase }: Request,
  { hosts }: TestTools,
  signal: AbortSignal,
): Promise<Phases> {
  const outcome = await runHosted(hosts, target.module, {
    run,
    checkTimeoutMs,
    performTimeoutMs,
    signal,
    askAfter: 0,
    mayPerform: async () => phase !== "check",
    onProgress: () => undefined,
  });
  const { check, perform, rollback } = outcome;
  return { check, perform, rollback, error: errorBesides(outcome) };
}

/** Why it failed, if no phase says so. */
function errorBesides(outcome: HostedOutcome): FunctionTest["error"] {
  if (outcome.end === "lost") return { code: "FUNCTION_CRASHED", message: outcome.message };
  if (outcome.end !== "failed") return null;
  const { error, check, perform } = outcome;
  return [check, perform].some((phase) => phase?.error) ? null : error;
}
