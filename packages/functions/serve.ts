import { answerCalls, type IncomingCall, type ServeOptions } from "./answer-call.ts";
import type { EventHandler } from "./call-phase.ts";
import type { DefinedFunction } from "./define-function.ts";

export type { ServeOptions } from "./answer-call.ts";
export type { EventHandler } from "./call-phase.ts";
export { type Callback, complete, heartbeat, LATER, type LateAnswer } from "./later.ts";
export { type Message, sign } from "./signature.ts";

/**
 * Serves a function over HTTP, for servers that speak in `Request` and `Response`: Deno, Bun, workers at the edge, Hono.
 * Answers 200 with what the function answered, 401 for what Belfry has not signed, 4xx for what another attempt would
 * not change (also for a PermanentError) and 500 for all else that is thrown, which is tried again.
 * @throws TypeError if the function is none, or the secret is missing or is none.
 */
export function serve(
  fn: DefinedFunction | EventHandler,
  options: ServeOptions,
): (request: Request) => Promise<Response> {
  const answer = answerCalls(fn, options);
  return async (request) => {
    const { status, headers, body } = await answer(callOf(request));
    return new Response(body, { status, headers });
  };
}

function callOf(request: Request): IncomingCall {
  return {
    method: request.method,
    header: (name) => request.headers.get(name),
    body: () => chunksOf(request),
    signal: request.signal,
  };
}

/** By a reader, since not every runtime can iterate over a stream. */
async function* chunksOf({ body }: Request): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  try {
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) yield next.value;
  } finally {
    await reader?.cancel();
  }
}
