import { readFileSync } from "node:fs";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { pgCode } from "./pg-error.ts";

const JOURNAL = new URL("./migrations/meta/_journal.json", import.meta.url);

/**
 * Throws unless the database can be reached and has the schema that this version was written for. Asked at the start of
 * every process, so that a forgotten migration is one clear line and not a flood of failed queries. A newer schema will
 * do: while a cluster is upgraded, its older processes may have to be started again.
 */
export async function assertMigrated(db: Db): Promise<void> {
  const wanted =
    (JSON.parse(readFileSync(JOURNAL, "utf8")) as { entries: { when: number }[] }).entries.at(-1)?.when ?? 0;
  const applied = await lastApplied(db);
  if (applied === null) throw new Error("the database has no Belfry schema: run `belfry migrate`");
  if (applied < wanted)
    throw new Error("the database has an older schema than this version needs: run `belfry migrate`");
}

const UNDEFINED_TABLE = "42P01";
const NO_SCHEMA = "3F000";

async function lastApplied(db: Db): Promise<number | null> {
  try {
    const { rows } = await db.execute<{ last: string | null }>(
      sql`select max(created_at) as last from drizzle.__drizzle_migrations`,
    );
    return rows[0]?.last ? Number(rows[0].last) : null;
  } catch (error) {
    const code = pgCode(error);
    if (code === UNDEFINED_TABLE || code === NO_SCHEMA) return null;
    throw new Error("DATABASE_URL: cannot reach Postgres", { cause: error });
  }
}
