import { assertMigrated } from "@belfry/db/assert-migrated.ts";
import { assertSettings } from "@belfry/db/assert-settings.ts";
import { openDatabase } from "@belfry/db/client.ts";
import { listen, WAKE_CHANNEL } from "@belfry/db/listen.ts";
import { readClusterState } from "@belfry/db/read-cluster-state.ts";
import { DEFAULT_RETENTION_DAYS } from "@belfry/db/retention.ts";
import { soleDuty } from "@belfry/db/sole-duty.ts";
import { assertQueue } from "@belfry/queue/assert-queue.ts";
import { queueBackend } from "@belfry/queue/backend.ts";
import { createPublisher } from "@belfry/queue/publisher.ts";
import { wholeNumber } from "@belfry/service/env.ts";
import { startHealthServer } from "@belfry/service/health.ts";
import { runProcess } from "@belfry/service/lifecycle.ts";
import { startLoop } from "@belfry/service/loop.ts";
import { clusterMetrics, createMetrics } from "@belfry/service/metrics.ts";
import { rateLimited } from "@belfry/service/rate-limited.ts";
import { listDuties } from "./duties.ts";
import { startHousekeeping } from "./housekeeping.ts";
import { startLoops } from "./loops.ts";
import { createWatchdog } from "./watchdog.ts";

/** A loop that has not come to its end for this long is stuck: the process is not ready. */
const STUCK_MS = 15_000;

const WATCH_EVERY_MS = 60_000;
/** Any constant that nothing else locks. */
const WATCHDOG_LOCK = 0xbe1f9;

await runProcess("scheduler", {
  env: {
    BELFRY_HEALTH_PORT: wholeNumber(0, 65_535).optional(),
    /** How long the ledger is kept; 0 is for ever. */
    BELFRY_RETENTION_DAYS: wholeNumber(0, 36_500).default(DEFAULT_RETENTION_DAYS),
  },
  graceMs: () => 5_000,
  async start({ env, log, lifecycle }) {
    const onError = rateLimited((error: Error) => log.warn({ err: error }, "connection trouble"));
    const database = openDatabase({
      url: env.DATABASE_URL,
      applicationName: "belfry scheduler",
      onError,
      keepPlans: true,
    });
    lifecycle.started("database", database.close);
    await assertMigrated(database.db);
    for (const warning of await assertSettings(database.db)) log.warn(warning);

    const backend = queueBackend({
      redisUrl: env.REDIS_URL,
      databaseUrl: env.DATABASE_URL,
      prefix: env.BELFRY_QUEUE_PREFIX,
    });
    for (const warning of await assertQueue(backend)) log.warn(warning);
    const publisher = createPublisher(backend, onError);
    lifecycle.started("publisher", publisher.close);

    const loops = startLoops({ db: database.db, publisher, log });
    lifecycle.started("loops", loops.stop);
    const listener = listen(env.DATABASE_URL, WAKE_CHANNEL, {
      onNotify: loops.wake,
      onConnect: () => loops.wake(),
      onError,
    });
    lifecycle.started("listener", listener.close);

    const duty = soleDuty(env.DATABASE_URL, WATCHDOG_LOCK, 3 * WATCH_EVERY_MS);
    lifecycle.started("watchdog's duty", duty.close);
    const { runOnce } = createWatchdog(database.db, duty, log);
    const watchdog = startLoop({ name: "watchdog", everyMs: WATCH_EVERY_MS, runOnce, log });
    lifecycle.started("watchdog", watchdog.stop);

    const duties = listDuties({
      db: database.db,
      databaseUrl: env.DATABASE_URL,
      retentionDays: env.BELFRY_RETENTION_DAYS,
      log,
    });
    const housekeeping = startHousekeeping({
      duties,
      db: database.db,
      databaseUrl: env.DATABASE_URL,
      backend,
      log,
      onError,
    });
    lifecycle.started("housekeeping", housekeeping.stop);

    if (env.BELFRY_HEALTH_PORT !== undefined) {
      const ready = () => loops.all.every((loop) => performance.now() - (loop.lastRunAt() ?? 0) < STUCK_MS);
      const metrics = createMetrics({ ofProcess: true });
      clusterMetrics(metrics, () => readClusterState(database.db));
      const health = await startHealthServer(env.BELFRY_HEALTH_PORT, ready, metrics);
      lifecycle.started("health", health.close);
    }
    log.info({ queue: backend.kind }, "scheduler started");
  },
});
