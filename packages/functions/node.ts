import type { IncomingMessage, ServerResponse } from "node:http";
import { answerCalls, type IncomingCall, type ServeOptions } from "./answer-call.ts";
import type { EventHandler } from "./call-phase.ts";
import type { DefinedFunction } from "./define-function.ts";
import { Refusal } from "./refusal.ts";

export type { ServeOptions } from "./answer-call.ts";
export type { EventHandler } from "./call-phase.ts";

/** `rawBody` is where some hosts, and parsers that were told to, keep the bytes; `body` where parsers put what they made of them. */
type Incoming = IncomingMessage & { rawBody?: unknown; body?: unknown };

/**
 * Serves a function over HTTP, as `serve` does, for `createServer` of node:http and for Express.
 * With Express it has to come before `express.json()`, or the parser has to keep the bytes as `rawBody`.
 * @throws TypeError if the function is none, or the secret is missing or is none.
 */
export function serveNode(
  fn: DefinedFunction | EventHandler,
  options: ServeOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const answer = answerCalls(fn, options);
  return async (request, response) => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const { status, headers, body } = await answer(callOf(request, gone.signal));
    // What is left of a body that was too large is not waited for.
    if (!request.readableEnded) response.setHeader("connection", "close");
    response.writeHead(status, headers).end(body);
  };
}

/** A request of Node.js as all adapters' core reads it. */
export function callOf(request: Incoming, signal: AbortSignal): IncomingCall {
  return {
    method: request.method ?? "",
    header: (name) => request.headers[name]?.toString() ?? null,
    body: () => bodyOf(request),
    signal,
  };
}

function bodyOf(request: Incoming): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  for (const kept of [request.rawBody, request.body]) {
    if (kept instanceof Uint8Array) return [kept];
    if (typeof kept === "string") return [new TextEncoder().encode(kept)];
  }
  if (!request.readableDidRead) return request;
  throw new Refusal("BODY_UNAVAILABLE", BODY_TAKEN);
}

const BODY_TAKEN =
  "a body parser has read the request before the function, and its signature is of the bytes as they came. " +
  "Serve the function before the parser (app.post(path, serveNode(…)) above app.use(express.json())), or let the " +
  "parser keep them: express.json({ verify: (request, response, bytes) => { request.rawBody = bytes } })";
