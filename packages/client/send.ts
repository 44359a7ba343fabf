import type { ErrorRecord } from "./api.ts";
import { BelfryError } from "./belfry-error.ts";

export type Wanted = {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | null;
  /** Whether asking twice comes to the same as asking once. */
  mayRepeat: boolean;
};

export type Limits = {
  /** In all, in milliseconds. */
  timeoutMs: number;
  /** Further tries at most. */
  retries: number;
  signal: AbortSignal | undefined;
};

export type Answer = { body: unknown; headers: Headers };

/** Before the second try, in milliseconds, doubled for each further one; half of it is left to chance. */
const FIRST_PAUSE_MS = 250;
const BUSY = new Set([429, 502, 503, 504]);

/** Asks until there is an answer, no try is left, or the time is up. @throws BelfryError, or the reason of the signal. */
export async function send(fetcher: typeof fetch, wanted: Wanted, limits: Limits): Promise<Answer> {
  const endsAt = performance.now() + limits.timeoutMs;
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  const signal = limits.signal ? AbortSignal.any([timeout, limits.signal]) : timeout;
  for (let failures = 1; ; failures++) {
    const outcome = await tryOnce(fetcher, wanted, signal);
    if ("headers" in outcome) return outcome;
    limits.signal?.throwIfAborted();
    if (timeout.aborted) {
      throw new BelfryError("TIMEOUT", `no answer within ${limits.timeoutMs} ms`, { cause: outcome.error });
    }
    const pauseMs = Math.max(FIRST_PAUSE_MS * 2 ** (failures - 1) * (0.5 + Math.random() / 2), outcome.retryAfterMs);
    const isOver = !wanted.mayRepeat || !outcome.isTemporary || failures > limits.retries;
    // A pause that would outlast the call would only hide why it failed.
    if (isOver || performance.now() + pauseMs >= endsAt) throw outcome.error;
    await pause(pauseMs, limits.signal);
  }
}

type Failure = { error: BelfryError; isTemporary: boolean; retryAfterMs: number };

async function tryOnce(fetcher: typeof fetch, wanted: Wanted, signal: AbortSignal): Promise<Answer | Failure> {
  const { method, url, headers, body } = wanted;
  try {
    // Followed, a redirect would turn a POST into a GET, or take the key elsewhere.
    const response = await fetcher(url, { method, headers, body, signal, redirect: "error" });
    return read(response, await response.text());
  } catch (thrown) {
    const error = new BelfryError("NO_ANSWER", `no answer from ${new URL(url).origin}: ${reasonOf(thrown)}`, {
      cause: thrown,
    });
    return { error, isTemporary: true, retryAfterMs: 0 };
  }
}

function read(response: Response, text: string): Answer | Failure {
  const { status, headers, ok } = response;
  const body = /^text\/plain\b/.test(headers.get("content-type") ?? "") && ok ? text : parseJson(text);
  if (ok && body !== undefined) return { body, headers };
  const retryAfterMs = Number(headers.get("retry-after")) * 1000 || 0;
  return { error: errorOf(status, body), isTemporary: BUSY.has(status), retryAfterMs };
}

function errorOf(status: number, body: unknown): BelfryError {
  const {
    code,
    message,
    details = [],
  } = (typeof body === "object" && body !== null ? body : {}) as Partial<ErrorRecord>;
  if (status >= 400 && typeof code === "string" && typeof message === "string") {
    return new BelfryError(code, message, { status, details });
  }
  return new BelfryError("NO_ANSWER", `HTTP ${status} with something that is not the API's`, { status });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `fetch` says only that it failed; why is in the cause. */
function reasonOf(thrown: unknown): string {
  const { cause, message } = thrown instanceof Error ? thrown : new Error(String(thrown));
  return cause instanceof Error && cause.message ? cause.message : message;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
