import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { slug } from "@belfry/contract/text.ts";
import { assertMigrated } from "@belfry/db/assert-migrated.ts";
import { assertSettings } from "@belfry/db/assert-settings.ts";
import { callbackSecret } from "@belfry/db/callback-token.ts";
import { openDatabase } from "@belfry/db/client.ts";
import { registerModules } from "@belfry/db/functions.ts";
import { CALLBACK_CHANNEL, listen } from "@belfry/db/listen.ts";
import { registerWorker, updateOffers } from "@belfry/db/workers.ts";
import { assertQueue } from "@belfry/queue/assert-queue.ts";
import { queueBackend } from "@belfry/queue/backend.ts";
import { parseAllowList, parsePorts } from "@belfry/runners/allow-list.ts";
import { DEFAULT_PORTS } from "@belfry/runners/guard.ts";
import { createHostPool } from "@belfry/runners/host-pool.ts";
import { createHttpClient, DEFAULT_CONNECTIONS } from "@belfry/runners/http-client.ts";
import { createSandboxPool } from "@belfry/runners/sandbox-pool.ts";
import { flag, parsed, text, webUrl, wholeNumber } from "@belfry/service/env.ts";
import { startHealthServer } from "@belfry/service/health.ts";
import { runProcess } from "@belfry/service/lifecycle.ts";
import type { Logger } from "@belfry/service/logger.ts";
import { createMetrics, executionMetrics } from "@belfry/service/metrics.ts";
import { rateLimited } from "@belfry/service/rate-limited.ts";
import { createBreakers } from "./breakers.ts";
import { createCallbacks } from "./callbacks.ts";
import { createCodeCache } from "./code-cache.ts";
import { startConsuming } from "./consume.ts";
import { startFunctionTests } from "./function-tests.ts";
import { createLedger } from "./ledger.ts";
import { startLiveness } from "./liveness.ts";
import { type Offered, offerModules } from "./offer-modules.ts";
import { createRunning, StopReason } from "./running.ts";
import { watchFolder } from "./watch-folder.ts";

/** No heartbeat for this long: the process is not ready. */
const SILENT_MS = 10_000;

await runProcess("worker", {
  env: {
    BELFRY_POOL: slug.default("default"),
    // Between claim and verdict an execution mostly waits for two commits; so many fill a batch.
    BELFRY_CONCURRENCY: wholeNumber(1, 10_000).default(200),
    BELFRY_FUNCTIONS_DIR: text.optional(),
    // Processes for uploaded functions that are meant to compute at the same time.
    BELFRY_SANDBOX_HOSTS: wholeNumber(1, 64).default(2),
    /** Processes in which modules run, at once; and the heap of each. */
    BELFRY_MODULE_HOSTS: wholeNumber(1, 1_000).default(32),
    BELFRY_MODULE_MEMORY_MB: wholeNumber(32, 65_536).default(256),
    /** Follow changes in the folder. */
    BELFRY_RELOAD: flag.default(false),
    BELFRY_DRAIN_MS: wholeNumber(2_000, 86_400_000).default(25_000),
    /** The API's address as functions see it: with it, they may answer later. */
    BELFRY_PUBLIC_URL: webUrl.optional(),
    BELFRY_HEALTH_PORT: wholeNumber(0, 65_535).optional(),
    // Functions of kind http may call public addresses at these ports, and besides what is allowed.
    BELFRY_HTTP_ALLOW: parsed(parseAllowList).default([]),
    BELFRY_HTTP_PORTS: parsed(parsePorts).default([...DEFAULT_PORTS]),
    BELFRY_HTTP_CONNECTIONS: wholeNumber(1, 10_000).default(DEFAULT_CONNECTIONS),
  },
  graceMs: (env) => env.BELFRY_DRAIN_MS,
  async start({ env, log, lifecycle }) {
    const offered = await offerModules(env.BELFRY_FUNCTIONS_DIR ?? null);
    tellProblems(offered, log);
    const { modules } = offered;
    const hosts = createHostPool({
      limit: env.BELFRY_MODULE_HOSTS,
      memoryMb: env.BELFRY_MODULE_MEMORY_MB,
      onNotice: (message, fields) => log.warn(fields, message),
    });
    lifecycle.started("hosts of modules", hosts.close);
    const http = createHttpClient({
      allow: env.BELFRY_HTTP_ALLOW,
      ports: env.BELFRY_HTTP_PORTS,
      connections: env.BELFRY_HTTP_CONNECTIONS,
    });
    lifecycle.started("http client", http.close);
    const pool = createSandboxPool({ places: env.BELFRY_SANDBOX_HOSTS });
    lifecycle.started("sandbox", pool.close);

    const onError = rateLimited((error: Error) => log.warn({ err: error }, "connection trouble"));
    const database = openDatabase({
      url: env.DATABASE_URL,
      applicationName: "belfry worker",
      onError,
      keepPlans: true,
    });
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
      ...offered.record(),
    };
    await registerModules(db, offered.upToDate());
    await registerWorker(db, identity);

    const running = createRunning();
    const lost = new AbortController();
    const liveness = startLiveness({ url: env.DATABASE_URL, worker: id, running, log, onLost });
    lifecycle.started("liveness", liveness.stop);

    const ledger = createLedger(db, id, log, lost.signal);
    const sandbox = { pool, code: createCodeCache(db) };
    const tests = startFunctionTests(env.DATABASE_URL, { db, http, modules, hosts, sandbox, log }, identity);
    lifecycle.started("function tests", tests.stop);
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
      { db, backend, ledger, breakers, callbacks, metrics, http, modules, hosts, sandbox, running, log },
      identity,
    );
    lifecycle.started("consumer", consuming.drain);

    if (env.BELFRY_HEALTH_PORT !== undefined) {
      const ready = () => performance.now() - (liveness.lastRunAt() ?? 0) < SILENT_MS;
      const health = await startHealthServer(env.BELFRY_HEALTH_PORT, ready, measured);
      lifecycle.started("health", health.close);
    }
    if (env.BELFRY_RELOAD && env.BELFRY_FUNCTIONS_DIR) {
      const onTrouble = (error: unknown) => log.error({ err: error }, "the functions could not be loaded again");
      const watcher = watchFolder(env.BELFRY_FUNCTIONS_DIR, reload, onTrouble);
      lifecycle.started("watch over the functions", watcher.close);
    }
    hosts.warm(modules.values());
    log.info({ worker: id, pool: env.BELFRY_POOL, queue: backend.kind, modules: identity.modules }, "worker started");

    /** What runs goes on with the code that it began with. */
    async function reload(): Promise<void> {
      const former = await offered.update();
      tellProblems(offered, log);
      await registerModules(db, offered.upToDate());
      await updateOffers(db, id, offered.record());
      hosts.retire(former);
      hosts.warm(modules.values());
      log.info({ modules: [...modules.keys()] }, "functions loaded again");
    }

    /** The cluster has given away what this worker runs: stop it, and make room for a process with a new identity. */
    function onLost(): void {
      lost.abort();
      running.stopAll(new StopReason("WORKER_LOST", "the worker that ran it was silent for too long"));
      lifecycle.fail("this worker was silent for too long and was counted as lost");
    }
  },
});

function tellProblems(offered: Offered, log: Logger): void {
  for (const { file, message } of offered.problems())
    log.error({ file }, `a function cannot be used: ${file}: ${message}`);
}
