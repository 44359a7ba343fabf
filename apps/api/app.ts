import type { IncomingMessage, ServerResponse } from "node:http";
import type { Identity } from "@belfry/db/accounts.ts";
import type { Db } from "@belfry/db/client.ts";
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";

/** Fastify with requests and answers typed by the zod schemas of their routes. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What a route is given besides the app. */
export type Context = { db: Db };

/** Adds one endpoint to the app. */
export type Route = (app: App, context: Context) => void;

/** Who may call a route: anybody, who has a key (also the default), or who has an admin's key. */
export type Access = "public" | "account" | "admin";

export type BodyType = "application/json" | "text/calendar" | "application/x-ndjson";

declare module "fastify" {
  interface FastifyContextConfig {
    access?: Access;
    /** The types of its body where that is not JSON alone. */
    bodyTypes?: readonly BodyType[];
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
