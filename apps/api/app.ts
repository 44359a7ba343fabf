import type { IncomingMessage, ServerResponse } from "node:http";
import type { Identity } from "@belfry/db/accounts.ts";
import type { CallbackKey } from "@belfry/db/callback-token.ts";
import type { Db } from "@belfry/db/client.ts";
import type { JobMetrics, Metrics } from "@belfry/service/metrics.ts";
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { TestAnswers } from "./answered-tests.ts";
import type { SourceCompiler } from "./compile-source.ts";
import type { JobCreator } from "./job-creator.ts";
import type { JobReader } from "./job-reader.ts";

/** Fastify with requests and answers typed by the zod schemas of their routes. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What a route is given besides the app. */
export type Context = {
  db: Db;
  createJob: JobCreator;
  readJob: JobReader;
  compiler: SourceCompiler;
  tests: TestAnswers;
  metrics: Metrics;
  jobMetrics: JobMetrics;
};

/** Adds one endpoint to the app. */
export type Route = (app: App, context: Context) => void;

/**
 * Who may call a route: anybody, who has a key (also the default), who has an admin's key, or the function that has
 * taken on a phase of the execution in the path, by the token that it was given for it.
 */
export type Access = "public" | "account" | "admin" | "callback";

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
    /** The same of a request that a phase's token has let in. */
    callback: CallbackKey | null;
  }
}

/** The account that a request speaks for. */
export function accountOf(request: Pick<FastifyRequest, "identity">): string {
  if (!request.identity) throw new Error("a route that needs an account was reached without one");
  return request.identity.accountId;
}

/** The phase that a request speaks of. */
export function callbackOf(request: Pick<FastifyRequest, "callback">): CallbackKey {
  if (!request.callback) throw new Error("a route that needs a phase's token was reached without one");
  return request.callback;
}
