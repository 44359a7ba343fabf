import type { IncomingMessage, ServerResponse } from "node:http";
import type { Identity } from "@belfry/db/accounts.ts";
import type { Db } from "@belfry/db/client.ts";
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";

import type { SourceCompiler } from "./compile-source.ts";
import type { TestAnswers } from "./test-answers.ts";

/** Fastify with requests and answers typed by the zod schemas of their routes. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What a route is given besides the app. */
export type Context = { db: Db; compiler: SourceCompiler; tests: TestAnswers };

/** Adds one endpoint to the app. */
export type Route = (app: App, context: Context) => void;

/** Who may call a route: anybody, who has a key (also the default), or who has an admin's key. */
export type Access = "public" | "account" | "admin";

declare module "fastify" {
  interface FastifyContextConfig {
    access?: Access;
    /** The type of its body where that is not JSON. */
    bodyType?: "text/calendar";
  }
  interface FastifyRequest {
    /** Set by `authenticate` before anything else of a request that is not public. */
    identity: Identity | null;
  }
}

/** The account that a request speaks for. */
export function accountOf(request: Pick<FastifyRequest, "identity">): string {
  if (!request.identity) throw new Error("a route that needs an account was reached without one");
  return request.identity.accountId;
}
