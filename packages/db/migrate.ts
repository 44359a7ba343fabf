import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import pg from "pg";
import { databaseNow, withDatabase } from "./client.ts";
import { makePartitions } from "./partitions.ts";
import { DEFAULT_RETENTION_DAYS } from "./retention.ts";

const MIGRATIONS = fileURLToPath(new URL("./migrations", import.meta.url));
/** Any constant that nothing else locks. */
const MIGRATION_LOCK = 0xbe1f8;
const PARTITIONS_MS = 60_000;

/**
 * Brings the schema up to date. Several at once wait for one another, and the later ones find nothing to do.
 * Runs on a connection without the services' short time-outs: a migration may take long.
 * Throws when the database cannot be reached.
 */
export async function migrateDatabase(url: string): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    application_name: "belfry migrate",
  });
  // What breaks the connection fails the query under way; unheard, the event would end the process.
  client.on("error", () => undefined);
  await client.connect().catch((cause: unknown) => {
    throw new Error("DATABASE_URL: cannot reach Postgres", { cause });
  });
  try {
    await client.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    await migrate(drizzle(client), { migrationsFolder: MIGRATIONS });
  } finally {
    await client.end();
  }
  await makeFirstPartitions(url);
}

/** Those ahead are made by housekeeping; this is so that the first executions find theirs. */
function makeFirstPartitions(url: string): Promise<unknown> {
  return withDatabase({ url, applicationName: "belfry migrate", deadlineMs: PARTITIONS_MS }, async (db) =>
    makePartitions(db, { now: await databaseNow(db), retentionDays: DEFAULT_RETENTION_DAYS }),
  );
}
