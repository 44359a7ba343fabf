import type { Logger } from "@belfry/functions/define-function.ts";
import type { PhaseEvent } from "@belfry/functions/event.ts";
import type { HttpClient } from "./http-client.ts";
import type { Run } from "./phase-event.ts";
import { PhaseFailure } from "./phase-failure.ts";
import type { SandboxOutcome } from "./sandbox-call.ts";
import { fetchForSandbox } from "./sandbox-fetch.ts";
import type { SandboxPlace, SandboxPool } from "./sandbox-pool.ts";

const MIB = 1024 * 1024;

export type SandboxTarget = {
  pool: SandboxPool;
  client: HttpClient;
  /** Whose function it is: hosts are shared out between accounts. */
  accountId: string;
  /** Names the code: the function and its version. */
  key: string;
  loadCode: (signal: AbortSignal) => Promise<string>;
  /** Where its `fetch` may go. */
  hosts: readonly string[];
  limits: { memoryMb: number; cpuMs: number };
};

/**
 * Calls the handler of one phase of an uploaded function, in the host that `place` holds, and gives what it answered.
 * @throws PhaseFailure FUNCTION_ERROR for what the handler throws and for what cannot be recorded, TIMEOUT for a limit of
 * time, FUNCTION_CRASHED for one of memory and for a host that ended, TARGET_BLOCKED for a fetch that was refused and not caught.
 */
export async function callSandbox(
  target: SandboxTarget,
  place: SandboxPlace,
  call: { run: Run; event: PhaseEvent; timeoutMs: number; signal: AbortSignal; logger: Logger },
): Promise<unknown> {
  const { executionId, attempt, jobId, trigger, scheduledFor } = call.run;
  const { memoryMb, cpuMs } = target.limits;
  let blocked = false;
  const outcome = await place.call({
    key: target.key,
    code: await target.loadCode(call.signal),
    event: JSON.stringify(call.event),
    run: { executionId, attempt, jobId, trigger, scheduledFor: scheduledFor.toISOString() },
    limits: { timeoutMs: call.timeoutMs, cpuMs, memoryBytes: memoryMb * MIB },
    log: (level, text) => call.logger[level](text),
    async fetch(request, signal) {
      const answer = await fetchForSandbox(
        target.client,
        target.hosts,
        request,
        AbortSignal.any([signal, call.signal]),
      );
      blocked ||= !answer.ok && answer.code === "TARGET_BLOCKED";
      return answer;
    },
    signal: call.signal,
  });
  if (outcome.ok) return JSON.parse(outcome.answer);
  throw failureOf(outcome, call, target, blocked);
}

function failureOf(
  { reason, message, permanent }: SandboxOutcome & { ok: false },
  { event, timeoutMs }: { event: PhaseEvent; timeoutMs: number },
  { limits }: SandboxTarget,
  blocked: boolean,
): PhaseFailure {
  const failure = (code: PhaseFailure["code"], words: string, retryable: boolean) =>
    new PhaseFailure(code, words, { retryable });
  switch (reason) {
    case "thrown":
      if (blocked && message.startsWith("fetch: ")) return failure("TARGET_BLOCKED", message, false);
      return failure("FUNCTION_ERROR", message, !permanent);
    case "answer":
      return failure("FUNCTION_ERROR", `the function's answer is not JSON: ${message}`, false);
    case "stuck":
      return failure("FUNCTION_ERROR", message, false);
    case "stack":
      return failure("FUNCTION_ERROR", message, false);
    case "memory":
      // The same input would take as much the next time.
      return failure(
        "FUNCTION_CRASHED",
        `${event.phase} used more memory than its limit of ${limits.memoryMb} MiB`,
        false,
      );
    case "time":
      return failure("TIMEOUT", `${event.phase} took longer than its limit of ${timeoutMs} ms`, true);
    case "cpu":
      return failure("TIMEOUT", `${event.phase} ${message}`, true);
    case "host":
    case "killed":
      return failure("FUNCTION_CRASHED", `${event.phase}: ${message}`, true);
  }
}
