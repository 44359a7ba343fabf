import type { ExecutionError, ExecutionErrorCode } from "@belfry/contract/errors.ts";
import type { PhaseRecord } from "@belfry/contract/execution.ts";
import type { Json } from "@belfry/contract/json.ts";
import type { Logger } from "@belfry/functions/define-function.ts";
import type { PhaseEvent, RollbackEvent } from "@belfry/functions/event.ts";
import { captureLogs } from "./capture-logs.ts";
import { readCheckResult } from "./check-result.ts";
import { type Deadline, startDeadline } from "./deadline.ts";
import { describeThrown } from "./describe-thrown.ts";
import type { HttpTarget } from "./http.ts";
import type { HttpClient } from "./http-client.ts";
import { type LatePhase, readLateAnswer, TAKEN_ON } from "./late-answer.ts";
import { type Normalised, normaliseJson, normaliseOutput, OUTPUT_MAX_DEPTH } from "./normalise-output.ts";
import type { Run } from "./phase-event.ts";
import { PhaseFailure } from "./phase-failure.ts";
import { callSandbox, type SandboxTarget } from "./sandbox.ts";
import type { SandboxPlace } from "./sandbox-pool.ts";
import type { StopSignal } from "./stop-signal.ts";
import { type Placed, takePlace } from "./take-place.ts";

export type PhaseTarget =
  | ({ kind: "http"; client: HttpClient } & HttpTarget)
  | { kind: "module"; call: ModuleCall }
  /** `place`: where it is to be called; without one it waits for it. */
  | ({ kind: "sandbox"; place?: SandboxPlace } & SandboxTarget);

/** Calls a handler of a module, in the process that this is: see module.ts. */
export type ModuleCall = (
  event: PhaseEvent | RollbackEvent,
  tools: { signal: AbortSignal; logger: Logger; heartbeat: () => void },
) => Promise<unknown>;

/** One phase to run. `event` is made by phase-event.ts and says which phase it is. */
export type PhaseCall = {
  run: Run;
  event: PhaseEvent | RollbackEvent;
  /** How long the phase may take, in milliseconds, at least 1. */
  timeoutMs: number;
  /** By which the worker stops the phase. If the reason is an Error whose `code` is an execution error code, that is the verdict, else CANCELLED. */
  signal: StopSignal;
};

export type PhaseResult = {
  /** What is written to the ledger: cleaned, and cut to its limits. */
  record: PhaseRecord;
  /** What the function answered, whole; null if it failed. For a check, `readCheckResult` reads it. */
  output: Json;
  error: ExecutionError | null;
  /** Whether another attempt may end otherwise; false if there is no error. */
  retryable: boolean;
  /** The least wait before another attempt that the function asked for, in milliseconds; null if it did not. */
  retryAfterMs: number | null;
};

/**
 * Calls one phase of a function and says what became of it. Never rejects, and is over at its deadline at the latest. Its
 * time begins when there is a place for it, unless its target has one already.
 */
export function runPhase(target: PhaseTarget, call: PhaseCall): Promise<PhaseResult> {
  return target.kind === "sandbox" && !target.place ? runWhenPlaced(target, call) : runInPlace(target, call);
}

async function runWhenPlaced(target: PhaseTarget, call: PhaseCall): Promise<PhaseResult> {
  let placed: Placed;
  try {
    placed = await takePlace(target, call.signal);
  } catch (thrown) {
    return fail(startRecord(target, call.event), [], asFailure(thrown));
  }
  try {
    return await runInPlace(placed.target, call);
  } finally {
    placed.leave();
  }
}

async function runInPlace(target: PhaseTarget, call: PhaseCall): Promise<PhaseResult> {
  const begin = startRecord(target, call.event);
  const logs = target.kind === "http" ? NOTHING_LOGGED : captureLogs();
  const late = latePhaseOf(target, call);
  const deadline = startDeadline(call.event.phase, call.timeoutMs, call.signal);
  const stopListening = late?.listen(deadline.renew);
  try {
    const answer = await deadline.race(() => invoke(target, call, deadline, logs.logger, late));
    return succeed(begin, logs.lines(), call.event, normaliserOf(target)(answer));
  } catch (thrown) {
    return failUnlessAnswered(asFailure(thrown), late);
  } finally {
    deadline.clear();
    stopListening?.();
  }

  /** A function may have answered by a call of its own although its response did not arrive, or in the last moment. */
  async function failUnlessAnswered(failure: PhaseFailure, late: LatePhase | undefined): Promise<PhaseResult> {
    const answer = late && MAY_BE_ANSWERED.has(failure.code) ? await late.close() : null;
    if (answer === null) return fail(begin, logs.lines(), failure);
    try {
      return succeed(begin, logs.lines(), call.event, normaliseJson(readLateAnswer(answer)));
    } catch (thrown) {
      return fail(begin, logs.lines(), asFailure(thrown));
    }
  }
}

/** A function over HTTP has no logger. */
const NOTHING_LOGGED = captureLogs();

function latePhaseOf(target: PhaseTarget, { run, event }: PhaseCall): LatePhase | undefined {
  return target.kind === "http" && event.phase !== "rollback" ? run.later?.(event.phase) : undefined;
}

/**
 * All that a response can come to which is no answer: none, a proxy's 502, a redirect to where nothing may be called, or
 * a 2xx that says nothing usable. Not WORKER_LOST, after which somebody else has taken over, and not FUNCTION_ERROR,
 * which a function of kind http says only by a call of its own.
 */
const MAY_BE_ANSWERED = new Set<ExecutionErrorCode>([
  "TIMEOUT",
  "CANCELLED",
  "HTTP_FAILED",
  "HTTP_STATUS",
  "TARGET_BLOCKED",
  "CHECK_INVALID",
  "WORKER_STOPPED",
]);

/** Loaded when it is needed: the processes in which modules run have no use for it, and it is a third of their memory. */
const loadHttp = () => import("./http.ts");
let http: Awaited<ReturnType<typeof loadHttp>> | undefined;

function invoke(
  target: PhaseTarget,
  call: PhaseCall,
  deadline: Deadline,
  logger: Logger,
  late: LatePhase | undefined,
): Promise<unknown> {
  if (target.kind === "module")
    return target.call(call.event, { signal: deadline.signal(), logger, heartbeat: deadline.renew });
  // Only modules have a rollback.
  const event = call.event as PhaseEvent;
  if (target.kind === "sandbox")
    return callSandbox(target, target.place as SandboxPlace, { ...call, event, signal: deadline.signal(), logger });
  const options = { timeoutMs: call.timeoutMs, signal: deadline.stop, mayAnswerLater: late !== undefined };
  const answer = http
    ? http.callHttp(target.client, target, event, options)
    : loadHttp().then((loaded) => {
        http = loaded;
        return loaded.callHttp(target.client, target, event, options);
      });
  return late ? untilAnswered(answer, deadline, late) : answer;
}

/** What the function answers, also if that is only later. */
async function untilAnswered(answer: Promise<unknown>, deadline: Deadline, late: LatePhase): Promise<unknown> {
  const first = await answer;
  return first === TAKEN_ON ? readLateAnswer(await late.wait(deadline.signal(), deadline.renew)) : first;
}

function succeed(begin: RecordBegin, logs: string[], event: PhaseCall["event"], output: Normalised): PhaseResult {
  // The effect has happened by now; doing it again would give the same answer.
  if (!output.ok) throw new PhaseFailure("FUNCTION_ERROR", `the function's answer is ${output.message}`, FINAL);
  if (event.phase === "check") {
    // What a check answers goes on to perform whole, so it may not be cut for its depth.
    if (output.tooDeep) throw new PhaseFailure("CHECK_INVALID", TOO_DEEP, { ...FINAL, output: output.value });
    readCheckResult(output.whole);
  }
  const record = finishRecord(begin, output.value, logs, null);
  return { record, output: output.whole, error: null, retryable: false, retryAfterMs: null };
}

const FINAL = { retryable: false };
const TOO_DEEP = `check answered something nested deeper than ${OUTPUT_MAX_DEPTH} levels`;

function fail(begin: RecordBegin, logs: string[], failure: PhaseFailure): PhaseResult {
  const output = normaliseOutput(failure.output);
  const { code, message, retryable, retryAfterMs } = failure;
  const error = { code, message };
  const record = finishRecord(begin, output.ok ? output.value : null, logs, error);
  return { record, output: null, error, retryable, retryAfterMs };
}

/** Anything but a PhaseFailure here is a mistake of ours; it is recorded like any other end, since a row must end. */
function asFailure(thrown: unknown): PhaseFailure {
  if (thrown instanceof PhaseFailure) return thrown;
  return new PhaseFailure("FUNCTION_ERROR", describeThrown(thrown), { retryable: true });
}

type RecordBegin = { input: Json; startedAt: string; startedMs: number };

function startRecord(target: PhaseTarget, event: PhaseCall["event"]): RecordBegin {
  const input = normaliserOf(target)(withoutToken(event));
  return {
    input: input.ok ? input.value : null,
    startedAt: new Date().toISOString(),
    startedMs: performance.now(),
  };
}

/** What a module is given and answers is in its hands, and it may go on changing it. */
function normaliserOf({ kind }: PhaseTarget): (value: unknown) => Normalised {
  return kind === "module" ? normaliseOutput : (normaliseJson as (value: unknown) => Normalised);
}

/** Whoever may read the record is not meant to answer in the function's name. */
function withoutToken(event: PhaseCall["event"]): PhaseCall["event"] {
  const { callback } = event.belfry;
  return callback ? { ...event, belfry: { ...event.belfry, callback: { ...callback, token: "[secret]" } } } : event;
}

function finishRecord(
  { input, startedAt, startedMs }: RecordBegin,
  output: Json,
  logs: string[],
  error: ExecutionError | null,
): PhaseRecord {
  // Hundredths: what a clock of a millisecond rounds to zero is most of what empty functions take.
  const duration_ms = Math.round((performance.now() - startedMs) * 100) / 100;
  return { input, started_at: startedAt, output, logs, error, duration_ms };
}
