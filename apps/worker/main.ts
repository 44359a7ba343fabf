import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { slug } from "@belfry/contract/text.ts";
import { assertMigrated } from "@belfry/db/assert-migrated.ts";
import { assertSettings } from "@belfry/db/assert-settings.ts";
import { callbackSecret } from "@belfry/db/callback-token.ts";
import { openDatabase } from "@belfry/db/client.ts";
import { registerModules } from "@belfry/db/functions.ts";
import { CALLBACK_CHANNEL, listen } from "@belfry/db/listen.ts";
import { registerWorker } from "@belfry/db/workers.ts";
import type { DefinedFunction } from "@belfry/functions/define-function.ts";
import { assertQueue } from "@belfry/queue/assert-queue.ts";
import { queueBackend } from "@belfry/queue/backend.ts";
import { createHttpClient } from "@belfry/runners/http.ts";
import { loadModules } from "@belfry/runners/load-modules.ts";
import { text, webUrl, wholeNumber } from "@belfry/service/env.ts";
import { startHealthServer } from "@belfry/service/health.ts";
import { runProcess } from "@belfry/service/lifecycle.ts";
import { createMetrics, executionMetrics } from "@belfry/service/metrics.ts";
import { rateLimited } from "@belfry/service/rate-limited.ts";
import { createBreakers } from "./breakers.ts";
import { createCallbacks } from "./callbacks.ts";
import { startConsuming } from "./consume.ts";
import { createLedger } from "./ledger.ts";
import { startLiveness } from "./liveness.ts";
import { createRunning, StopReason } from "./running.ts";

/** No heartbeat for this long: the process is not ready. */
const SILENT_MS = 10_000;

await runProcess("worker", {
  env: {
    BELFRY_POOL: slug.default("default"),
    // Between claim and verdict an execution mostly waits for two commits; so many fill a batch.
    BELFRY_CONCURRENCY: wholeNumber(1, 10_000).default(200),
    BELFRY_FUNCTIONS_DIR: text.optional(),
    BELFRY_DRAIN_MS: wholeNumber(2_000, 86_400_000).default(25_000),
    /** The API's address as functions see it: with it, they may answer later. */
    BELFRY_PUBLIC_URL: webUrl.optional(),
    BELFRY_HEALTH_PORT: wholeNumber(0, 65_535).optional(),
  },
  graceMs: (env) => env.BELFRY_DRAIN_MS,
  async start({ env, log, lifecycle }) {
    const modules: Map<string, DefinedFunction> = env.BELFRY_FUNCTIONS_DIR
      ? await loadModules(env.BELFRY_FUNCTIONS_DIR)
      : new Map();
    const http = createHttpClient();
    lifecycle.started("http client", http.close);

    const onError = rateLimited((error: Error) => log.warn({ err: error }, "connection trouble"));
    const database = openDatabase({ url: env.DATABASE_URL, applicationName: "belfry worker", onError });
    lifecycle.started("database", database.close);
    const { db } = database;
    await assertMigrated(db);
    for (const warning of await assertSettings(db)) log.warn(warning);
    const backend = queueBackend({
      redisUrl: env.REDIS_URL,
      databaseUrl: env.DATABASE_URL,
      prefix: env.BELFRY_QUEUE_PREFIX,
    });
    for (const warning of await assertQueue(backend)) log.warn(warning);

    const id = `${hostname()}-${process.pid}-${randomBytes(3).toString("hex")}`;
    const identity = {
      id,
      pool: env.BELFRY_POOL,
      host: hostname(),
      pid: process.pid,
      concurrency: env.BELFRY_CONCURRENCY,
      modules: [...modules.keys()],
    };
    await registerModules(
      db,
      [...modules.values()].map((m) => ({ ...m, check: m.check !== null })),
    );
    await registerWorker(db, identity);

    const running = createRunning();
    const lost = new AbortController();
    const liveness = startLiveness({ url: env.DATABASE_URL, worker: id, running, log, onLost });
    lifecycle.started("liveness", liveness.stop);

    const ledger = createLedger(db, id, log, lost.signal);
    const breakers = createBreakers(db, log, lost.signal);
    const callbacks = env.BELFRY_PUBLIC_URL
      ? createCallbacks({
          db,
          publicUrl: env.BELFRY_PUBLIC_URL,
          secret: await callbackSecret(db),
          log,
          lost: lost.signal,
        })
      : null;
    if (callbacks) {
      lifecycle.started("callbacks", callbacks.stop);
      const { notify: onNotify, look: onConnect } = callbacks;
      const heard = listen(env.DATABASE_URL, CALLBACK_CHANNEL, { onNotify, onConnect, onError });
      lifecycle.started("callback listener", heard.close);
    }
    const measured = createMetrics({ ofProcess: env.BELFRY_HEALTH_PORT !== undefined });
    // Measured only where somebody can read it.
    const metrics = env.BELFRY_HEALTH_PORT === undefined ? null : executionMetrics(measured);
    const consuming = startConsuming(
      { db, backend, ledger, breakers, callbacks, metrics, http, modules, running, log },
      identity,
    );
    lifecycle.started("consumer", consuming.drain);

    if (env.BELFRY_HEALTH_PORT !== undefined) {
      const ready = () => performance.now() - (liveness.lastRunAt() ?? 0) < SILENT_MS;
      const health = await startHealthServer(env.BELFRY_HEALTH_PORT, ready, measured);
      lifecycle.started("health", health.close);
    }
    log.info({ worker: id, pool: env.BELFRY_POOL, queue: backend.kind, modules: identity.modules }, "worker started");

    /** The cluster has given away what this worker runs: stop it, and make room for a process with a new identity. */
    function onLost(): void {
      lost.abort();
      running.stopAll(new StopReason("WORKER_LOST", "the worker that ran it was silent for too long"));
      lifecycle.fail("this worker was silent for too long and was counted as lost");
    }
  },
});
