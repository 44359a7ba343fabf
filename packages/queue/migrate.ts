import { runMigrations } from "bullmq";
import pg from "pg";

/**
 * Makes BullMQ's tables for the Postgres backend, or brings them up to date. Has to come before any worker starts: on
 * a schema that is missing, a BullMQ worker tries again without a pause and stops its process from doing anything else.
 */
export async function migrateQueue(databaseUrl: string): Promise<void> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: 5_000,
    application_name: "belfry migrate",
  });
  // What breaks the connection fails the query under way; unheard, the event would end the process.
  client.on("error", () => undefined);
  await client.connect();
  try {
    await runMigrations(client);
  } finally {
    await client.end();
  }
}
