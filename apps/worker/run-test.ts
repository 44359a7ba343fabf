import type { JsonObject } from "@belfry/contract/json.ts";
import type { FunctionTest } from "@belfry/contract/sandbox.ts";
import type { Db } from "@belfry/db/client.ts";
import type { ClaimedTest } from "@belfry/db/function-tests.ts";
import { getVersion } from "@belfry/db/function-versions.ts";
import { newId } from "@belfry/db/new-id.ts";
import { readCheckResult } from "@belfry/runners/check-result.ts";
import { checkEvent, performEvent, type Run } from "@belfry/runners/phase-event.ts";
import { type PhaseResult, runPhase } from "@belfry/runners/run-phase.ts";
import type { ExecuteTools } from "./execute.ts";
import { type Callable, resolveTarget, type Target } from "./resolve-target.ts";

/** There is no job: the event of a test has this in its place. */
export const NO_JOB = "00000000-0000-0000-0000-000000000000";

/**
 * Calls a function as an execution would, for somebody who wants to see what it does. Nothing of it is in the ledger; its
 * effects are real.
 */
export async function runTest(
  db: Db,
  { accountId, request, function: fn }: ClaimedTest,
  tools: Pick<ExecuteTools, "http" | "modules" | "sandbox">,
  signal: AbortSignal,
): Promise<FunctionTest> {
  const version = request.version ?? fn.version;
  const wanted = request.version === undefined ? null : await getVersion(db, fn.id, request.version);
  const callable: Callable = {
    accountId,
    functionId: fn.id,
    function: { ...fn, version, check: wanted?.check ?? fn.check },
    checkTimeoutMs: null,
    performTimeoutMs: null,
  };
  const target = resolveTarget(callable, tools.http, tools.modules, tools.sandbox);
  if (!target) throw new Error(`this worker lacks the module "${fn.module}"`);
  const payload = request.payload ?? null;
  const now = new Date();
  const run: Run = { jobId: NO_JOB, executionId: newId(), attempt: 1, scheduledFor: now, trigger: "manual", payload };
  const extra = (request.event ?? {}) as JsonObject;

  const check = request.phase !== "perform" && target.hasCheck ? await callCheck(target, run, extra, signal) : null;
  const answer = (perform: PhaseResult | null): FunctionTest => ({
    check: check?.record ?? null,
    perform: perform?.record ?? null,
    function_version: version,
  });
  if (request.phase === "check" || check?.error) return answer(null);
  const { shouldPerform, performPayload } = check
    ? readCheckResult(check.output)
    : { shouldPerform: true, performPayload: {} };
  if (!shouldPerform) return answer(null);
  const event = performEvent(run, { ...performPayload, ...extra });
  return answer(await runPhase(target.target, { run, event, timeoutMs: target.performTimeoutMs, signal }));
}

function callCheck(target: Target, run: Run, extra: JsonObject, signal: AbortSignal): Promise<PhaseResult> {
  const event = { ...extra, ...checkEvent(run) };
  return runPhase(target.target, { run, event, timeoutMs: target.checkTimeoutMs, signal });
}
