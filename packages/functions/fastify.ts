import type { IncomingMessage, ServerResponse } from "node:http";
import { answerCalls, type ServeOptions } from "./answer-call.ts";
import type { EventHandler } from "./call-phase.ts";
import type { DefinedFunction } from "./define-function.ts";
import { callOf } from "./node.ts";

export type { ServeOptions } from "./answer-call.ts";
export type { EventHandler } from "./call-phase.ts";

/** As much of Fastify as is used here, so that it need not be installed. */
type Scope = {
  removeAllContentTypeParsers(): void;
  addContentTypeParser(type: string, parser: (request: unknown, stream: unknown, done: Done) => void): unknown;
  post(path: string, handler: (request: { raw: IncomingMessage }, reply: Reply) => Promise<string>): unknown;
};
type Done = (error: null, body: unknown) => void;
type Reply = {
  raw: ServerResponse;
  code(status: number): unknown;
  headers(headers: Record<string, string>): unknown;
};

/**
 * Serves a function over HTTP, as `serve` does, as a plugin of Fastify:
 * `app.register(serveFastify(fn, { secret }), { prefix: "/hello" })`. The parsers of other routes stay as they are.
 * @throws TypeError if the function is none, or the secret is missing or is none.
 */
export function serveFastify(
  fn: DefinedFunction | EventHandler,
  options: ServeOptions,
): (scope: Scope) => Promise<void> {
  const answer = answerCalls(fn, options);
  return async (scope) => {
    // The body is left where it is: its signature is of the bytes as they come.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, stream, done) => done(null, stream));
    scope.post("/", async ({ raw }, reply) => {
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort());
      const { status, headers, body } = await answer(callOf(raw, gone.signal));
      reply.code(status);
      reply.headers(raw.readableEnded ? headers : { ...headers, connection: "close" });
      return body;
    });
  };
}
