import { migrateDatabase } from "@belfry/db/migrate.ts";
import { migrateQueue } from "@belfry/queue/migrate.ts";
import { commonEnv, parseEnv } from "@belfry/service/env.ts";
import { failureLine } from "@belfry/service/failure-line.ts";

/** Our tables and those of BullMQ's Postgres backend, so that a cluster can start with Redis or without. */
export async function migrateAll(databaseUrl: string): Promise<void> {
  await migrateDatabase(databaseUrl);
  await migrateQueue(databaseUrl);
}

/** `belfry migrate`: one line, and exit code 1 when it failed. */
export async function migrate(): Promise<void> {
  try {
    const { DATABASE_URL } = parseEnv({ DATABASE_URL: commonEnv.DATABASE_URL });
    await migrateAll(DATABASE_URL);
    process.stdout.write("belfry migrate: the database is up to date\n");
  } catch (error) {
    process.stderr.write(`belfry migrate: ${failureLine(error)}\n`);
    process.exitCode = 1;
  }
}
