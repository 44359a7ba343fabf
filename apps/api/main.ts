import { bootstrapAccount } from "@belfry/db/accounts.ts";
import { assertMigrated } from "@belfry/db/assert-migrated.ts";
import { assertSettings } from "@belfry/db/assert-settings.ts";
import { openDatabase } from "@belfry/db/client.ts";
import { queueBackend } from "@belfry/queue/backend.ts";
import { createBoard } from "@belfry/queue/board.ts";
import { wholeNumber } from "@belfry/service/env.ts";
import { runProcess } from "@belfry/service/lifecycle.ts";
import { createMetrics } from "@belfry/service/metrics.ts";
import { rateLimited } from "@belfry/service/rate-limited.ts";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { BOARD_PATH, mountBoard } from "./board.ts";
import { buildApp } from "./build-app.ts";

/** Requests under way get this long to finish. */
const GRACE_MS = 8_000;

/** The first account's key. An HTTP header must be able to carry it. */
const bootstrapKey = z
  .string()
  .min(32, "must have at least 32 characters")
  .max(1024, "must have at most 1024 characters")
  .regex(/^\S(?:[^\p{Cc}]*\S)?$/u, "must not begin or end with a space, nor contain control characters");

await runProcess("api", {
  env: {
    PORT: wholeNumber(0, 65_535).default(8080),
    HOST: z.string().max(255).default("0.0.0.0"),
    BELFRY_BOOTSTRAP_API_KEY: bootstrapKey.optional(),
    BELFRY_QUEUES_WRITABLE: z.stringbool("must be true or false").default(false),
  },
  graceMs: () => GRACE_MS,
  async start({ env, log, lifecycle }) {
    const onError = rateLimited((error: Error) => log.warn({ err: error }, "connection trouble"));
    const { db, close } = openDatabase({ url: env.DATABASE_URL, applicationName: "belfry api", onError });
    lifecycle.started("database", close);
    await assertMigrated(db);
    for (const warning of await assertSettings(db)) log.warn(warning);

    if (env.BELFRY_BOOTSTRAP_API_KEY !== undefined) {
      const { accountId, created } = await bootstrapAccount(db, env.BELFRY_BOOTSTRAP_API_KEY);
      if (created) log.info({ account_id: accountId }, "account created");
    }

    // The API only looks at the queues: without them everything but the board works, so it does not wait for them.
    const backend = queueBackend({
      redisUrl: env.REDIS_URL,
      databaseUrl: env.DATABASE_URL,
      prefix: env.BELFRY_QUEUE_PREFIX,
    });
    const board = createBoard(backend, { basePath: BOARD_PATH, writable: env.BELFRY_QUEUES_WRITABLE, onError });
    lifecycle.started("board", board.close);

    const app = await buildApp({
      db,
      databaseUrl: env.DATABASE_URL,
      log,
      board: mountBoard(db, board),
      metrics: createMetrics({ ofProcess: true }),
    });
    lifecycle.started("http server", () => app.close());
    await listen(app, env.PORT, env.HOST);
  },
});

async function listen(app: FastifyInstance, port: number, host: string): Promise<void> {
  await app.listen({ port, host }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRINUSE") throw new Error(`port ${port} on ${host} is in use, set PORT to another one`);
    throw error;
  });
}
