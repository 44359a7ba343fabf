import { randomBytes } from "node:crypto";
import { migrateDatabase } from "@belfry/db/migrate.ts";
import { migrateQueue } from "@belfry/queue/migrate.ts";
import { Redis } from "ioredis";
import type { TestProject } from "vitest/node";
import { databaseNames, onServer, urlOfDatabase } from "./postgres-admin.ts";
import type { ProvidedServers } from "./provided.ts";
import { deleteKeys } from "./redis-keys.ts";
import { startServers } from "./servers.ts";

/**
 * Runs once before all test files: servers up, one migrated template database. The function it answers cleans up.
 *
 * @public Vitest calls it; see vitest.config.ts.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const startedAt = performance.now();
  const servers = await startServers(process.env, (line) => console.log(line)).catch(throwAsOneLine);
  const runId = randomBytes(4).toString("hex");
  const provided: ProvidedServers = {
    runId,
    adminUrl: servers.databaseUrl,
    template: `belfry_test_${runId}_template`,
    redisUrl: servers.redisUrl,
  };
  try {
    await checkRedis(provided.redisUrl);
    await makeTemplate(provided);
  } catch (error) {
    // Cleaning up may fail for the same reason as the setup did, and that reason is what counts.
    await cleanUp(provided).catch(() => undefined);
    await servers.stop();
    throwAsOneLine(error);
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`test servers: ${servers.description} (ready after ${seconds} s)`);

  project.provide("servers", provided);
  return async () => {
    await cleanUp(provided);
    await servers.stop();
  };
}

/** What keeps the servers from starting is for people who run the tests: a line tells them more than our stack does. */
function throwAsOneLine(error: unknown): never {
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const reason = cause instanceof Error && !message.includes(cause.message) ? `${message}: ${cause.message}` : message;
  const line = new Error(reason);
  line.stack = "";
  throw line;
}

async function makeTemplate({ adminUrl, template }: ProvidedServers): Promise<void> {
  await onServer(adminUrl, (client) => client.query(`CREATE DATABASE ${template}`));
  const url = urlOfDatabase(adminUrl, template);
  await migrateDatabase(url);
  await migrateQueue(url);
  // A database that somebody is connected to cannot be copied; this keeps everybody out, monitoring tools too.
  await onServer(adminUrl, async (client) => {
    await client.query(`ALTER DATABASE ${template} WITH ALLOW_CONNECTIONS false`);
    await client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [template]);
  });
}

/** On servers of our own this is wasted work of some milliseconds; on others it is what leaves them as they were. */
async function cleanUp({ adminUrl, runId, redisUrl }: ProvidedServers): Promise<void> {
  await onServer(adminUrl, async (client) => {
    for (const name of await databaseNames(client, `belfry_test_${runId}_`)) {
      await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    }
  });
  await deleteKeys(redisUrl, `test-${runId}-`);
}

async function checkRedis(url: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5_000 });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    await redis.ping();
  } catch (cause) {
    throw new Error(`no Redis answers at ${new URL(url).host}: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  } finally {
    redis.disconnect();
  }
}
