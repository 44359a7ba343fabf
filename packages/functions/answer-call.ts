import { callPhase, type EventHandler } from "./call-phase.ts";
import { type DefinedFunction, isDefinedFunction, type Logger } from "./define-function.ts";
import { LATER } from "./later.ts";
import { isPermanent } from "./permanent-error.ts";
import { readBody, readEvent, type ServedEvent } from "./read-call.ts";
import { Refusal } from "./refusal.ts";
import { readSecrets, signatureProblem } from "./signature.ts";

export type ServeOptions = {
  /**
   * The function's secret (`whsec_…`), shown when it was created; while one is being replaced, both. It may be undefined
   * for the type only, so that `process.env.…` can be passed: without one, serving is refused when it begins.
   */
  secret: string | readonly string[] | undefined;
  /** How old a request may be, and how far in the future, in seconds; 300. */
  toleranceSeconds?: number;
  /** The longest body that is read, in bytes; 8 MiB, which is more than a worker sends. */
  maxBytes?: number;
  /** Where handlers log to; the console. */
  logger?: Logger;
};

/**
 * The largest event is that of a perform with what its check has answered in 1 MiB of JSON. Written anew that can be more
 * than four times as long (`1e20` becomes 100000000000000000000). The job's payload, up to 256 KiB, and our keys come on
 * top.
 */
const MAX_BYTES = 8 * 1024 * 1024;

/** A request, as every kind of server has one. */
export type IncomingCall = {
  method: string;
  /** A header by its lower-case name. */
  header: (name: string) => string | null;
  /** The body as it came. @throws Refusal if it is no longer there. */
  body: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Aborted when the caller has gone. */
  signal: AbortSignal;
};

export type CallAnswer = { status: number; headers: Record<string, string>; body: string };

/** What all adapters share: verifies a request, calls the function and says what to answer. The result never rejects. */
export function answerCalls(
  fn: DefinedFunction | EventHandler,
  options: ServeOptions,
): (call: IncomingCall) => Promise<CallAnswer> {
  if (typeof fn !== "function" && !isDefinedFunction(fn)) {
    throw new TypeError("serve: needs a function made by defineFunction, or a handler (event, context) => answer");
  }
  const { toleranceSeconds = 300, maxBytes = MAX_BYTES, logger = console } = options;
  const keys = readSecrets(options.secret);

  async function answer(call: IncomingCall): Promise<CallAnswer> {
    if (call.method !== "POST") throw new Refusal("METHOD_NOT_ALLOWED", "a function is called by POST");
    const body = await readBody(call.body(), call.header("content-length"), maxBytes);
    const { header } = call;
    const problem = await signatureProblem({ header, body, keys, toleranceSeconds, now: new Date() });
    if (problem) throw new Refusal("UNAUTHORIZED", problem);
    const event = readEvent(body);
    return succeed(await callWithin(readLimit(header), call.signal, fn, event, logger));
  }

  return async (call) => {
    try {
      return await answer(call);
    } catch (thrown) {
      const refusal = asRefusal(thrown);
      if (thrown !== refusal || refusal.status === 500) logger.error(thrown);
      return refuse(refusal);
    }
  };
}

/** Calls the function with a signal that is aborted when the caller has gone or the time is up. */
async function callWithin(
  limitMs: number,
  gone: AbortSignal,
  fn: DefinedFunction | EventHandler,
  event: ServedEvent,
  logger: Logger,
): Promise<unknown> {
  const controller = new AbortController();
  const { signal } = controller;
  const onGone = () => controller.abort(gone.reason);
  const onLate = () => controller.abort(new DOMException("the deadline of the phase has passed", "TimeoutError"));
  gone.addEventListener("abort", onGone, { once: true });
  const timer = limitMs <= MAX_TIMER_MS ? setTimeout(onLate, limitMs) : undefined;
  try {
    // Nobody would hear of what it does, and another attempt may be under way.
    if (gone.aborted) throw gone.reason;
    return await callPhase(fn, event, { signal, logger });
  } finally {
    clearTimeout(timer);
    gone.removeEventListener("abort", onGone);
  }
}

/** What a timer can wait; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * How long the phase may take, in milliseconds; infinity if the caller does not say. From when the caller sent it, by the
 * caller's clock, to the deadline, so that a clock here that is off changes nothing.
 */
function readLimit(header: IncomingCall["header"]): number {
  const limitMs = Date.parse(header("belfry-deadline") ?? "") - Number(header("webhook-timestamp")) * 1000;
  return Number.isNaN(limitMs) ? Number.POSITIVE_INFINITY : Math.max(limitMs, 0);
}

function succeed(value: unknown): CallAnswer {
  if (value === LATER) return json(202, "{}");
  try {
    return json(200, JSON.stringify(value) ?? "null");
  } catch (thrown) {
    // The work is done; doing it again would give the same answer.
    throw new Refusal("PERMANENT_ERROR", `the function's answer is not JSON: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function asRefusal(thrown: unknown): Refusal {
  if (thrown instanceof Refusal) return thrown;
  return new Refusal(isPermanent(thrown) ? "PERMANENT_ERROR" : "FUNCTION_ERROR", messageOf(thrown));
}

function refuse({ status, code, message, details }: Refusal): CallAnswer {
  const answer = json(status, JSON.stringify({ code, message, details }));
  if (status === 405) answer.headers.allow = "POST";
  return answer;
}

function json(status: number, body: string): CallAnswer {
  return { status, headers: { "content-type": "application/json" }, body };
}

/** Whoever has signed the request may read why its function failed; nobody else gets that far. */
function messageOf(thrown: unknown): string {
  try {
    return (thrown instanceof Error && (thrown.message || thrown.name)) || `threw ${String(thrown)}`;
  } catch {
    return "threw something that cannot be described";
  }
}
