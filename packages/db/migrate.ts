import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import pg from "pg";

const MIGRATIONS = new URL("./migrations", import.meta.url).pathname;
/** Any constant that nothing else locks. */
const MIGRATION_LOCK = 0xbe1f8;

/**
 * Brings the schema up to date. Several at once wait for one another, and the later ones find nothing to do.
 * Runs on a connection without the services' short time-outs: a migration may take long.
 */
export async function migrateDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000, application_name: "belfry migrate" });
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    await migrate(drizzle(client), { migrationsFolder: MIGRATIONS });
  } finally {
    await client.end();
  }
}
