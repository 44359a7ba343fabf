import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { WAKE_CHANNEL } from "./listen.ts";

/** Tells the schedulers when this transaction commits. */
export async function wake(tx: Db): Promise<void> {
  await tx.execute(sql`select pg_notify(${WAKE_CHANNEL}, '')`);
}
