import type { IncomingHttpHeaders } from "node:http";
import type { Agent, Dispatcher } from "undici";
import { Collector } from "./collect-bytes.ts";
import { PhaseFailure } from "./phase-failure.ts";
import type { StopSignal } from "./stop-signal.ts";

/** A longer answer is refused, before and after it is decoded. */
export const ANSWER_MAX_BYTES = 1024 * 1024;
/** How much of the body of an answer other than 2xx is kept. */
export const ERROR_BODY_BYTES = 4 * 1024;
/** Interim answers (1xx) before the answer; a server that sends more does not mean to answer. */
const INTERIM_MAX = 20;

/** How long the steps of a call may take, in milliseconds; null is as long as the phase may. */
export type HttpLimits = {
  /** Until there is a connection. */
  connectMs: number;
  /** From then until the answer's headers are there. */
  headersMs: number | null;
  /** Between one piece of the answer's body and the next. */
  bodyMs: number | null;
};

export const DEFAULT_LIMITS: HttpLimits = { connectMs: 10_000, headersMs: null, bodyMs: null };

export type HttpRequest = {
  url: URL;
  /** Each name with its value behind it. */
  headers: string[];
  body: string;
  limits: HttpLimits;
  signal: StopSignal;
};

/** An answer with its body as it came over the wire: whole if it is 2xx, otherwise its beginning. */
export type HttpAnswer = { status: number; statusText: string; headers: IncomingHttpHeaders; body: Buffer };

export const isOk = (status: number): boolean => status >= 200 && status <= 299;

/**
 * Posts one request and gives its answer. An answer other than 2xx has said what counts once its status is there, so its
 * body may be cut, broken or slow. Whatever ends the exchange early closes its connection.
 * @throws PhaseFailure TIMEOUT when a step takes longer than its limit, HTTP_FAILED for an answer that is too large; the
 * signal's reason when that is aborted, also before, and then nothing is sent; undici's and Node's errors as they are.
 */
export function exchange(agent: Agent, { url, headers, body, limits, signal }: HttpRequest): Promise<HttpAnswer> {
  // A listener that is added now would never hear of it.
  if (signal.aborted) return Promise.reject(signal.reason as Error);
  return new Promise((resolve, reject) => {
    const handler = new Exchange(limits, signal, resolve, reject);
    agent.dispatch(
      {
        origin: url.origin,
        path: url.pathname + url.search,
        method: "POST",
        headers,
        body,
        // The limits are ours: undici's are exact to half a second.
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      handler,
    );
    handler.sent();
  });
}

/** A class, and not one function for each of its steps: they would be made anew for each of thousands of calls a second. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #limits: HttpLimits;
  readonly #signal: StopSignal;
  readonly #resolve: (answer: HttpAnswer) => void;
  readonly #reject: (error: Error) => void;
  readonly #onAbort: () => void;
  readonly #received = new Collector();
  #connection: Dispatcher.DispatchController | null = null;
  #answer: Omit<HttpAnswer, "body"> | null = null;
  #interim = 0;
  #ended: Error | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    limits: HttpLimits,
    signal: StopSignal,
    resolve: (answer: HttpAnswer) => void,
    reject: (error: Error) => void,
  ) {
    this.#limits = limits;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#onAbort = () => this.#stop(signal.reason as Error);
    signal.addEventListener("abort", this.#onAbort);
  }

  /** The request was handed over; it may be under way by now, or even over. */
  sent(): void {
    if (!this.#connection && !this.#ended) this.#within(this.#limits.connectMs, NO_CONNECTION);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#connection = controller;
    // Its turn has come after all, when nobody waits any more: nothing is sent.
    if (this.#ended) return controller.abort(this.#ended);
    this.#within(this.#limits.headersMs, NO_HEADERS);
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    statusText = "",
  ): void {
    if (status < 200) {
      this.#interim += 1;
      if (this.#interim > INTERIM_MAX) this.#stop(new Error(`more than ${INTERIM_MAX} interim answers`));
      return;
    }
    this.#answer = { status, statusText, headers };
    this.#within(this.#limits.bodyMs, NO_MORE);
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ended) return;
    this.#timer?.refresh();
    this.#received.add(chunk);
    const most = isOk(this.#answer?.status ?? 0) ? ANSWER_MAX_BYTES : ERROR_BODY_BYTES;
    if (this.#received.length > most) this.#breakOff(tooLarge());
  }

  onResponseEnd(): void {
    if (!this.#settle(ENOUGH)) return;
    this.#resolve({ ...(this.#answer as Omit<HttpAnswer, "body">), body: this.#received.bytes() });
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    this.#breakOff(error);
  }

  /** With what is there, if that says it all. */
  #breakOff(error: Error): void {
    if (!this.#answer || isOk(this.#answer.status)) return this.#stop(error);
    this.onResponseEnd();
    this.#connection?.abort(ENOUGH);
  }

  #stop(error: Error): void {
    if (this.#settle(error)) this.#reject(error);
    this.#connection?.abort(error);
  }

  /** False if it had ended before. */
  #settle(why: Error): boolean {
    if (this.#ended) return false;
    this.#ended = why;
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#onAbort);
    return true;
  }

  #within(ms: number | null, message: (ms: number) => string): void {
    clearTimeout(this.#timer);
    if (ms === null) return;
    this.#timer = setTimeout(() => this.#breakOff(new PhaseFailure("TIMEOUT", message(ms), { retryable: true })), ms);
  }
}

const ENOUGH = new Error("all of the answer that is needed is there");

export function tooLarge(): PhaseFailure {
  const message = `the function's answer is larger than ${ANSWER_MAX_BYTES} bytes`;
  return new PhaseFailure("HTTP_FAILED", message, { retryable: false });
}

const NO_CONNECTION = (ms: number) =>
  `there was no connection to the function's server within its limit of ${ms} ms (connect_timeout_ms)`;
const NO_HEADERS = (ms: number) =>
  `the function's server did not begin to answer within its limit of ${ms} ms (headers_timeout_ms)`;
const NO_MORE = (ms: number) => `the function's answer stood still for its limit of ${ms} ms (body_timeout_ms)`;
