import { ApiError } from "@belfry/contract/errors.ts";
import { findIdentity } from "@belfry/db/accounts.ts";
import { callbackSecret, readCallbackToken } from "@belfry/db/callback-token.ts";
import type { Db } from "@belfry/db/client.ts";
import { readClusterState } from "@belfry/db/read-cluster-state.ts";
import { clusterMetrics, createMetrics, jobMetrics, type Metrics } from "@belfry/service/metrics.ts";
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from "fastify";
import { serializerCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { answerError } from "./answer-error.ts";
import { createTestAnswers } from "./answered-tests.ts";
import type { App, Context } from "./app.ts";
import { authenticate, type ReadToken } from "./authenticate.ts";
import { acceptBodies } from "./body-types.ts";
import { answerClientError } from "./client-error.ts";
import { createSourceCompiler } from "./compile-source.ts";
import { cacheIdentities } from "./identity-cache.ts";
import { createJobCreator } from "./job-creator.ts";
import { createJobReader } from "./job-reader.ts";
import { trackMethods } from "./method-not-allowed.ts";
import { registerDocs, registerOpenApi } from "./openapi.ts";
import { logRequest, requestId, sendRequestId } from "./request-log.ts";
import { ROUTES } from "./routes.ts";
import { validatorCompiler } from "./validate.ts";

const BODY_LIMIT = 1024 * 1024;
/** As long as a path can be: an id of any length is answered with 404 like any other that does not exist. */
const MAX_PARAM_LENGTH = 16 * 1024;
/** A client that sends its request more slowly than this is cut off. */
const REQUEST_TIMEOUT_MS = 30_000;

export type AppOptions = {
  db: Db;
  /** Where it listens for what workers answer. */
  databaseUrl: string;
  log: FastifyBaseLogger;
  /** Adds the queues' board; everything it adds needs an admin's key. */
  board?: (app: FastifyInstance) => Promise<void>;
  /** Whether there is a page at `/docs`. `/openapi.json` is always there. */
  docsEnabled?: boolean;
  /** What `/metrics` tells besides what this app counts itself. */
  metrics?: Metrics;
};

/** The whole HTTP edge, ready to listen or to be injected into. Closing it lets the requests under way finish. */
export async function buildApp({
  db,
  databaseUrl,
  log,
  board,
  docsEnabled = true,
  metrics = createMetrics({ ofProcess: false }),
}: AppOptions): Promise<FastifyInstance> {
  const app: App = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "request_id" }),
    genReqId: requestId,
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    // While draining, requests on connections that are open are still served, and /readyz says that it is time to go.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply),
    clientErrorHandler: answerClientError,
  }).withTypeProvider<ZodTypeProvider>();

  app.decorateRequest("identity", null);
  app.decorateRequest("callback", null);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.removeAllContentTypeParsers();
  acceptBodies(app);

  app.addHook("onRequest", sendRequestId);
  app.addHook(
    "onRequest",
    authenticate(
      cacheIdentities((key) => findIdentity(db, key)),
      tokenReader(db),
    ),
  );
  app.addHook("onResponse", logRequest);
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(() => {
    throw new ApiError("NOT_FOUND", "there is no such route");
  });

  const methods = trackMethods(app);
  await registerOpenApi(app);
  const compiler = createSourceCompiler();
  const tests = createTestAnswers(db, databaseUrl, (error) => log.warn({ err: error }, "connection trouble"));
  // What waits for a worker would hold up the closing for a minute.
  app.addHook("preClose", () => tests.close());
  app.addHook("onClose", () => compiler.close());
  clusterMetrics(metrics, () => readClusterState(db));
  const [createJob, readJob] = [createJobCreator(db), createJobReader(db)];
  const context: Context = { db, createJob, readJob, compiler, tests, metrics, jobMetrics: jobMetrics(metrics) };
  for (const route of ROUTES) route(app, context);
  methods.refuseOthers();

  if (docsEnabled) await registerDocs(app);
  if (board) await registerAdmin(app, board);
  await app.ready();
  return app;
}

/** The cluster's secret is read when it is first needed, and once. */
function tokenReader(db: Db): ReadToken {
  let secret: Promise<Buffer> | undefined;
  return async (executionId, token) => {
    secret ??= callbackSecret(db).catch((error: unknown) => {
      secret = undefined;
      throw error;
    });
    return readCallbackToken(await secret, executionId, token);
  };
}

async function registerAdmin(app: App, board: (app: FastifyInstance) => Promise<void>): Promise<void> {
  await app.register(async (scope) => {
    scope.addHook("onRoute", (route) => {
      route.config = { ...route.config, access: "admin" };
    });
    await board(scope);
  });
}
