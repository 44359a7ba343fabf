import { isUtf8 } from "node:buffer";
import { STATUS_CODES } from "node:http";
import type { Json } from "@belfry/contract/json.ts";
import type { PhaseEvent } from "@belfry/functions/event.ts";
import { decodeBody } from "./decode-body.ts";
import { describeThrown } from "./describe-thrown.ts";
import { DEFAULT_LIMITS, type HttpLimits, isOk } from "./exchange.ts";
import { type FinalAnswer, postFollowing } from "./follow-redirects.ts";
import type { HttpClient } from "./http-client.ts";
import { TAKEN_ON } from "./late-answer.ts";
import { networkFailure } from "./network-failure.ts";
import { PhaseFailure } from "./phase-failure.ts";
import { requestHeaders } from "./request-headers.ts";
import { readRetryAfter } from "./retry-after.ts";
import type { StopSignal } from "./stop-signal.ts";

/** What is called for a function of kind http. */
export type HttpTarget = {
  url: string;
  headers: Readonly<Record<string, string>>;
  limits?: HttpLimits;
  /** The secrets that sign a request which is sent now, the newest first; none: it is not signed. */
  secrets?: () => readonly string[] | Promise<readonly string[]>;
};

/**
 * Posts an event to a function's server and gives what it answered: JSON, null for an empty body, and for perform a
 * string if the body does not call itself JSON. `mayAnswerLater`: a 202 is no answer but TAKEN_ON.
 * @throws PhaseFailure TARGET_BLOCKED if functions may not call its address, HTTP_FAILED if no usable answer came,
 * HTTP_STATUS (with `{ status, body }` as its output) if the answer is other than 2xx, TIMEOUT if a step took too long.
 */
export async function callHttp(
  client: HttpClient,
  target: HttpTarget,
  event: PhaseEvent,
  options: { timeoutMs: number; signal: StopSignal; mayAnswerLater?: boolean },
): Promise<Json | typeof TAKEN_ON> {
  const body = JSON.stringify(event);
  let answer: FinalAnswer;
  try {
    answer = await post(client, target, event, { ...options, body });
  } catch (thrown) {
    throw networkFailure(thrown);
  }
  if (answer.status === 202 && options.mayAnswerLater) return TAKEN_ON;
  const decoded = decodeBody(answer);
  const received = Buffer.isBuffer(decoded) ? decoded : await decoded;
  if (!isOk(answer.status)) throw statusFailure(answer, received);
  return readAnswer(event.phase, received, answer.headers["content-type"]);
}

function post(
  client: HttpClient,
  target: HttpTarget,
  event: PhaseEvent,
  { timeoutMs, signal, body }: { timeoutMs: number; signal: StopSignal; body: string },
): Promise<FinalAnswer> {
  const deadline = Date.now() + timeoutMs;
  return postFollowing(client, {
    url: new URL(target.url),
    body,
    limits: target.limits ?? DEFAULT_LIMITS,
    signal,
    headersFor(sameOrigin) {
      const own = sameOrigin ? target.headers : {};
      const signed = (secrets: readonly string[]) => requestHeaders({ event, body, own, secrets, deadline });
      const secrets = target.secrets?.() ?? [];
      // Mostly they are known, and then nothing waits for them.
      return secrets instanceof Promise ? secrets.then(signed) : signed(secrets);
    },
  });
}

const UTF8 = new TextDecoder();

/** JSON has to be UTF-8; in text, whatever is not becomes U+FFFD. */
function readAnswer(phase: PhaseEvent["phase"], body: Buffer, contentType: string | string[] | undefined): Json {
  if (body.length === 0) return null;
  const text = UTF8.decode(body);
  if (phase === "perform" && contentType && !isJsonType(String(contentType))) return text;
  try {
    if (!isUtf8(body)) throw new Error("its bytes are not UTF-8");
    return JSON.parse(text) as Json;
  } catch (thrown) {
    if (phase === "perform" && !contentType) return text;
    const message = `the function answered something that is not JSON: ${describeThrown(thrown)}`;
    throw new PhaseFailure("HTTP_FAILED", message, { retryable: false, output: text });
  }
}

function isJsonType(contentType: string): boolean {
  return /^\s*[^\s;]+[/+]json\s*(?:;|$)/i.test(contentType);
}

function statusFailure({ status, statusText, headers, notFollowed }: FinalAnswer, body: Buffer): PhaseFailure {
  const words = statusText || STATUS_CODES[status] || "";
  const hint = notFollowed ? ` (${notFollowed})` : "";
  const retryable = status >= 500 || [408, 425, 429].includes(status);
  const retryAfterMs = retryable ? readRetryAfter(headers["retry-after"], new Date()) : null;
  // A decoder that expects more keeps half a character back instead of replacing it.
  const beginning = new TextDecoder().decode(body, { stream: true });
  return new PhaseFailure("HTTP_STATUS", `HTTP ${status} ${words}`.trim() + hint, {
    retryable,
    retryAfterMs,
    output: { status, body: beginning },
  });
}
