import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";

/** The pools that jobs or living workers name, in alphabetical order, at most `limit`. */
export async function listPools(db: Db, limit: number): Promise<string[]> {
  const { rows } = await db.execute<{ pool: string }>(sql`
    select pool from jobs where enabled
    union
    select pool from workers where stopped_at is null
    order by pool
    limit ${limit}`);
  return rows.map((row) => row.pool);
}
