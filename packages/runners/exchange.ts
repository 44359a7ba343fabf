import type { IncomingHttpHeaders } from "node:http";
import type { Agent, Dispatcher } from "undici";
import { collectBytes } from "./collect-bytes.ts";
import { PhaseFailure } from "./phase-failure.ts";

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
  headers: Map<string, string>;
  body: string;
  limits: HttpLimits;
  signal: AbortSignal;
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
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  let connection: Dispatcher.DispatchController | null = null;
  let answer: Omit<HttpAnswer, "body"> | null = null;
  const received = collectBytes();
  let interim = 0;
  let ended: Error | null = null;
  let timer: NodeJS.Timeout | undefined;

  const settle = (how: () => void, why: Error): void => {
    if (ended) return;
    ended = why;
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    how();
  };
  const stop = (error: Error): void => {
    settle(() => reject(error), error);
    connection?.abort(error);
  };
  const finish = (): void => {
    const whole = { ...(answer as Omit<HttpAnswer, "body">), body: received.bytes() };
    settle(() => resolve(whole), ENOUGH);
  };
  /** With what is there, if that says it all. */
  const breakOff = (error: Error): void => {
    if (!answer || isOk(answer.status)) return stop(error);
    finish();
    connection?.abort(ENOUGH);
  };
  const within = (ms: number | null, message: (ms: number) => string): void => {
    clearTimeout(timer);
    if (ms === null) return;
    timer = setTimeout(() => breakOff(new PhaseFailure("TIMEOUT", message(ms), { retryable: true })), ms);
  };
  const onAbort = (): void => stop(signal.reason as Error);

  signal.addEventListener("abort", onAbort, { once: true });
  within(limits.connectMs, NO_CONNECTION);
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
    {
      onRequestStart(controller) {
        connection = controller;
        // Its turn has come after all, when nobody waits any more: nothing is sent.
        if (ended) return controller.abort(ended);
        within(limits.headersMs, NO_HEADERS);
      },
      onResponseStart(_, status, headers, statusText = "") {
        if (status < 200) {
          interim += 1;
          if (interim > INTERIM_MAX) stop(new Error(`more than ${INTERIM_MAX} interim answers`));
          return;
        }
        answer = { status, statusText, headers };
        within(limits.bodyMs, NO_MORE);
      },
      onResponseData(_, chunk) {
        if (ended) return;
        timer?.refresh();
        received.add(chunk);
        const most = isOk(answer?.status ?? 0) ? ANSWER_MAX_BYTES : ERROR_BODY_BYTES;
        if (received.length > most) breakOff(tooLarge());
      },
      onResponseEnd: finish,
      onResponseError: (_, error) => breakOff(error),
    },
  );
  return promise;
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
