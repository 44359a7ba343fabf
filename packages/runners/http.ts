import { STATUS_CODES } from "node:http";
import type { Json } from "@belfry/contract/json.ts";
import type { PhaseEvent } from "@belfry/functions/event.ts";
import { Agent, type Dispatcher } from "undici";
import { describeThrown } from "./describe-thrown.ts";
import { PhaseFailure } from "./phase-failure.ts";
import { readRetryAfter } from "./retry-after.ts";

/** A longer answer is refused, whatever its status. */
export const ANSWER_MAX_BYTES = 1024 * 1024;
/** How much of the body of an answer other than 2xx is kept. */
const ERROR_BODY_BYTES = 4 * 1024;
/** undici's own timeouts only stand behind the phase's deadline, which fires first and closes the connection. */
const BEHIND_DEADLINE_MS = 5000;

export type HttpClientOptions = {
  /** How long making a connection may take, in milliseconds. */
  connectTimeoutMs?: number;
  /** How long an idle connection is kept if its server does not say, in milliseconds. */
  keepAliveMs?: number;
};

/** Connections that all functions of a process share. `close` ends them, with what is still in flight. */
export type HttpClient = { agent: Agent; close: () => Promise<void> };

export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  const agent = new Agent({
    connect: { timeout: options.connectTimeoutMs ?? 10_000 },
    keepAliveTimeout: options.keepAliveMs ?? 4000,
    maxResponseSize: ANSWER_MAX_BYTES,
    // Stopping a phase closes its connection; over HTTP/2 other calls would share it.
    allowH2: false,
  });
  return { agent, close: () => agent.destroy() };
}

/** The function has taken the phase on (202) and answers it later. */
export const TAKEN_ON = Symbol("taken on");

export type HttpTarget = { url: string; headers: Readonly<Record<string, string>> };

/**
 * Posts an event to a function's server and gives what it answered: JSON, null for an empty body, and for perform a
 * string if the body does not call itself JSON. `mayAnswerLater`: a 202 is no answer but TAKEN_ON. Redirects are not followed.
 * @throws PhaseFailure HTTP_FAILED if no usable answer came, HTTP_STATUS (with `{ status, body }` as its output) if the
 * answer is other than 2xx.
 */
export async function callHttp(
  client: HttpClient,
  target: HttpTarget,
  event: PhaseEvent,
  options: { timeoutMs: number; signal: AbortSignal; mayAnswerLater?: boolean },
): Promise<Json | typeof TAKEN_ON> {
  const response = await post(client, target, event, options);
  const { statusCode } = response;
  if (statusCode < 200 || statusCode > 299) throw await statusFailure(response);
  if (statusCode === 202 && options.mayAnswerLater) {
    // What it says besides is read for the connection's sake only.
    await response.body.dump().catch(() => undefined);
    return TAKEN_ON;
  }
  const body = await readBody(response);
  return readAnswer(event.phase, body, response.headers["content-type"]);
}

async function post(
  client: HttpClient,
  target: HttpTarget,
  event: PhaseEvent,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<Dispatcher.ResponseData> {
  const limit = options.timeoutMs + BEHIND_DEADLINE_MS;
  try {
    const url = new URL(target.url);
    return await client.agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: "POST",
      headers: requestHeaders(target, event),
      body: JSON.stringify(event),
      signal: options.signal,
      headersTimeout: limit,
      bodyTimeout: limit,
    });
  } catch (thrown) {
    throw networkFailure(thrown);
  }
}

/** Ours are set last and in lower case, so that a function's own headers can neither replace nor repeat them. */
function requestHeaders(target: HttpTarget, event: PhaseEvent): Map<string, string> {
  const headers = new Map([["user-agent", "belfry"]]);
  for (const [name, value] of Object.entries(target.headers)) headers.set(name.toLowerCase(), value);
  const { execution_id, attempt } = event.belfry;
  headers.set("content-type", "application/json");
  // The same for every attempt: by it a function knows that it has already done this.
  headers.set("idempotency-key", `${execution_id}-${event.phase}`);
  headers.set("belfry-execution-id", execution_id);
  headers.set("belfry-attempt", String(attempt));
  return headers;
}

async function readBody(response: Dispatcher.ResponseData): Promise<string> {
  try {
    return await response.body.text();
  } catch (thrown) {
    throw networkFailure(thrown);
  }
}

function readAnswer(phase: PhaseEvent["phase"], body: string, contentType: string | string[] | undefined): Json {
  if (body === "") return null;
  try {
    if (phase === "perform" && contentType && !isJsonType(String(contentType))) return body;
    return JSON.parse(body) as Json;
  } catch (thrown) {
    if (phase === "perform" && !contentType) return body;
    const message = `the function answered something that is not JSON: ${describeThrown(thrown)}`;
    throw new PhaseFailure("HTTP_FAILED", message, { retryable: false, output: body });
  }
}

function isJsonType(contentType: string): boolean {
  return /^\s*[^\s;]+[/+]json\s*(?:;|$)/i.test(contentType);
}

async function statusFailure(response: Dispatcher.ResponseData): Promise<PhaseFailure> {
  const { statusCode: status } = response;
  const words = response.statusText || STATUS_CODES[status] || "";
  const hint = status >= 300 && status < 400 ? " (redirects are not followed)" : "";
  const retryable = status >= 500 || [408, 425, 429].includes(status);
  const retryAfterMs = retryable ? readRetryAfter(response.headers["retry-after"], new Date()) : null;
  const body = await readBeginning(response, ERROR_BODY_BYTES);
  return new PhaseFailure("HTTP_STATUS", `HTTP ${status} ${words}`.trim() + hint, {
    retryable,
    retryAfterMs,
    output: { status, body },
  });
}

/** Never rejects: an answer whose body breaks off has told its status all the same. */
async function readBeginning(response: Dispatcher.ResponseData, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes > maxBytes) break; // leaving the loop closes the connection
    }
  } catch {
    // what came before is kept
  }
  // A decoder that expects more keeps half a character back instead of replacing it.
  return new TextDecoder().decode(Buffer.concat(chunks).subarray(0, maxBytes), { stream: true });
}

function networkFailure(thrown: unknown): PhaseFailure {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  if (code === "UND_ERR_RES_EXCEEDED_MAX_SIZE") {
    const message = `the function's answer is larger than ${ANSWER_MAX_BYTES} bytes`;
    return new PhaseFailure("HTTP_FAILED", message, { retryable: false });
  }
  const reason = describeThrown(thrown);
  // A URL or header that cannot be sent will not be sendable later.
  const unsendable = code === "UND_ERR_INVALID_ARG" || code === "ERR_INVALID_URL";
  return new PhaseFailure("HTTP_FAILED", `the function's server gave no answer: ${reason}`, { retryable: !unsendable });
}
