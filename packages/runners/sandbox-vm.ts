import type { QuickJSHandle } from "quickjs-emscripten-core";
import { type Outside, openInstance, type SandboxInstance } from "./sandbox-instance.ts";
import type { CallFailure, CallLimits, CallOutcome, FetchAnswer, LogLevel } from "./sandbox-messages.ts";

/** Node has it; the types of Node know its types only. */
declare const WebAssembly: { RuntimeError: new () => Error };

/** Pending jobs that run between two looks at the clock. */
const JOBS_AT_ONCE = 500;

export type VmCall = { code: string; event: string; run: string; limits: CallLimits };

/** What a call asks of its surroundings. */
export type VmHooks = {
  log: (level: LogLevel, text: string) => void;
  fetch: (fetchId: number, request: string) => void;
  done: (outcome: CallOutcome) => void;
};

/** A call under way, or over. `memoryBytes`: what its instance has come to take up. */
export type RunningVm = {
  memoryBytes: () => number;
  settleFetch: (fetchId: number, answer: FetchAnswer) => void;
  stop: () => void;
};

/** One that is as it was when it was new; the next call takes it. */
let spare: SandboxInstance | null = null;

/** Makes the first sandbox, so that the first call does not wait for it. */
export async function warmUp(): Promise<void> {
  spare ??= await openInstance();
}

/**
 * Calls a function's handler in a sandbox in which nothing of another call is. `hooks.done` is called once, at once or after
 * an answer to a fetch. Only an instance whose call ended well is used again: what was interrupted or has failed is
 * dropped as a whole.
 */
export async function startVm(call: VmCall, hooks: VmHooks): Promise<RunningVm> {
  const vm = spare ?? (await openInstance());
  spare = null;
  let outcome: CallOutcome | null = null;
  let stopped = false;
  let waiting = 0;
  let namespace: QuickJSHandle | null = null;
  let importing: QuickJSHandle | null = null;
  const end = (how: CallOutcome) => {
    outcome ??= how;
  };
  const isOver = () => stopped || outcome !== null;
  const limit = watchLimits(call.limits);
  const outside: Outside = {
    log: hooks.log,
    fetch(fetchId, request) {
      waiting += 1;
      hooks.fetch(fetchId, request);
    },
    answered: (answer) => end({ ok: true, answer }),
    failed(text) {
      // What is interrupted at its limit comes back as a rejection, as if the handler had thrown.
      const reached = limit();
      end({ ok: false, ...(reached ? { ...reached, permanent: false } : readFailure(text, hooks)) });
    },
    interrupts: () => isOver() || limit() !== null,
  };

  enter(() => {
    vm.begin(outside, call.limits.memoryBytes);
    importing = vm.context.unwrapResult(vm.context.evalCode(call.code, FILE, { type: "module" }));
  });
  return {
    settleFetch(fetchId, answer) {
      waiting -= 1;
      enter(() => vm.inside.settleFetch(fetchId, JSON.stringify(answer)));
    },
    stop: () => {
      stopped = true;
    },
    memoryBytes: () => vm.bytes().length,
  };

  /** Goes into the sandbox, and stays until nothing more can be done there for now. */
  function enter(begin: () => void): void {
    if (isOver()) return;
    let clean = false;
    try {
      begin();
      drain();
      if (namespace === null && importing !== null) {
        namespace = importedOf(vm, importing);
        if (namespace) {
          vm.inside.call(namespace, call.event, call.run);
          drain();
        }
      }
      if (!isOver() && waiting === 0) throw new SandboxStop("stuck", STUCK);
      clean = true;
    } catch (thrown) {
      end({ ok: false, ...explain(vm, thrown, limit()) });
    }
    if (!outcome) return;
    // Not before the sandbox was left: what it has still to do after its answer is to hold up its own call and no other.
    hooks.done(outcome);
    if (clean && outcome.ok && vm.restore()) spare = vm;
  }

  function drain(): void {
    while (!isOver()) {
      const jobs = vm.context.unwrapResult(vm.runtime.executePendingJobs(JOBS_AT_ONCE));
      // What was interrupted may leave nothing to do behind, and no error.
      if (limit()) throw new SandboxStop("time", "");
      if (jobs === 0) return;
    }
  }
}

/** What a source offers, found out by running its top level. @throws SandboxProblem if it cannot be used. */
export async function inspectSource(code: string, limits: CallLimits): Promise<{ check: boolean }> {
  const vm = await openInstance();
  const limit = watchLimits(limits);
  const quiet = () => undefined;
  const refuse = () => {
    throw new Error("fetch is for handlers, not for the top level of a source");
  };
  try {
    const outside = { log: quiet, fetch: refuse, answered: quiet, failed: quiet, interrupts: () => limit() !== null };
    vm.begin(outside, limits.memoryBytes);
    const importing = vm.context.unwrapResult(vm.context.evalCode(code, FILE, { type: "module" }));
    while (vm.context.unwrapResult(vm.runtime.executePendingJobs(JOBS_AT_ONCE)) > 0) {
      if (limit()) throw new SandboxStop("time", "");
    }
    const namespace = importedOf(vm, importing);
    if (!namespace) throw new SandboxStop("stuck", "the top level waits for something that can never come");
    const { runs, check } = JSON.parse(vm.inside.describe(namespace)) as { runs: boolean; check: boolean };
    if (!runs) throw new SandboxStop("thrown", EXPORTS_NOTHING);
    return { check };
  } catch (thrown) {
    const { reason, message } = explain(vm, thrown, limit());
    throw new SandboxProblem(message || `the top level reached its limit of ${reason}`, placeOf(thrown));
  }
}

const FILE = "function.js";
const STUCK = "what the handler waits for can never come: no fetch is under way and nothing is left to run";
const EXPORTS_NOTHING =
  "the source exports no handler function, no perform function, and no default defineFunction({ … })";

/** Why a source cannot be used, and where, from 1. */
export class SandboxProblem extends Error {
  readonly place: { line: number; column: number } | null;

  constructor(message: string, place: { line: number; column: number } | null) {
    super(message);
    this.name = "SandboxProblem";
    this.place = place;
  }
}

class SandboxStop extends Error {
  readonly reason: CallFailure["reason"];

  constructor(reason: CallFailure["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

/**
 * Says which limit was reached, if one was. A host has one call at a time, so whatever its thread computes from now on is
 * this call's.
 */
function watchLimits({ timeoutMs, cpuMs }: CallLimits): () => Reached | null {
  const began = performance.now();
  const cpuBefore = cpuNow();
  let reached: Reached | null = null;
  return () => {
    const passed = performance.now() - began;
    if (passed >= timeoutMs) reached ??= { reason: "time", message: `took longer than ${timeoutMs} ms` };
    // Nobody can have computed for longer than time has passed, and that is cheaper to ask.
    else if (passed >= cpuMs && cpuNow() - cpuBefore >= cpuMs) {
      reached ??= { reason: "cpu", message: `computed for longer than its limit of ${cpuMs} ms` };
    }
    return reached;
  };
}

type Reached = { reason: "time" | "cpu"; message: string };

function cpuNow(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The exports of a module, or null while its top level waits. Throws what it threw. */
function importedOf({ context }: SandboxInstance, importing: QuickJSHandle): QuickJSHandle | null {
  const state = context.getPromiseState(importing);
  if (state.type === "pending") return null;
  if (state.type === "fulfilled") return state.value;
  throw context.unwrapResult({ error: state.error } as never);
}

/** What came out of the sandbox as an exception of this process: a limit, an error of the function, or the end of the stack. */
function explain(vm: SandboxInstance, thrown: unknown, reached: Reached | null): CallFailure {
  const failure = (reason: CallFailure["reason"], message: string): CallFailure => ({
    reason,
    message,
    permanent: false,
  });
  if (reached) return failure(reached.reason, reached.message);
  if (thrown instanceof SandboxStop) {
    return thrown.reason === "stuck" && wasFull(vm) ? failure("memory", "") : failure(thrown.reason, thrown.message);
  }
  // The parser of QuickJS looks after no stack of its own: what is nested too deeply ends here.
  if (thrown instanceof RangeError) return failure("stack", "stack overflow");
  if (thrown instanceof WebAssembly.RuntimeError) return failure("host", `the sandbox broke: ${thrown.message}`);
  const { name, message } = causeOf(thrown);
  if (name === "InternalError" && message === "out of memory") return failure("memory", "");
  return failure("thrown", message);
}

/**
 * Whether a call that nothing more can come of had filled its memory. What fails in a pending job for want of memory is a
 * rejection that nobody hears of, and by then much was freed again: so what counts is how far it ever came.
 */
function wasFull({ runtime, context, peakBytes }: SandboxInstance): boolean {
  try {
    const { malloc_limit } = context.dump(runtime.computeMemoryUsage()) as { malloc_limit: number };
    return peakBytes() > 0.9 * malloc_limit;
  } catch {
    return true; // not even this found room
  }
}

/** `unwrapResult` wraps what was thrown inside as the cause of an error of its own. */
function causeOf(thrown: unknown): { name: string; message: string; stack: string } {
  const error = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
  if (typeof error !== "object" || error === null) return { name: "", message: `threw ${String(error)}`, stack: "" };
  const { name, message, stack } = error as Record<string, unknown>;
  return {
    name: String(name),
    message: String(message || name || "unknown error").slice(0, 4096),
    stack: String(stack),
  };
}

/** Where in the source an error comes from. */
function placeOf(thrown: unknown): { line: number; column: number } | null {
  const [, line, column] = /function\.js:(\d+):(\d+)/.exec(causeOf(thrown).stack) ?? [];
  return line && column ? { line: Number(line), column: Number(column) } : null;
}

const REASONS: ReadonlySet<string> = new Set(["thrown", "answer", "memory"]);

/** What the prelude says of a failure. Where it happened goes into the log. */
function readFailure(text: string, hooks: VmHooks): CallFailure {
  const { reason, message, permanent, where } = JSON.parse(text) as Record<string, unknown>;
  if (where) hooks.log("error", `${message}\n${where}`);
  return {
    reason: REASONS.has(String(reason)) ? (reason as CallFailure["reason"]) : "thrown",
    message: String(message),
    permanent: permanent === true,
  };
}
