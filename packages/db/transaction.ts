import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import pg from "pg";
import type { Db } from "./client.ts";
import { hasSqlState } from "./pg-error.ts";

/**
 * Runs `work` in a transaction, or in a savepoint if `db` is one already. Drizzle's own `transaction` is not used: it
 * leaves the connection without an error listener, so that one that breaks ends the process; it keeps a connection
 * for ever whose `begin` failed; and it gives one back to the pool of which nobody knows where it stands.
 */
export async function inTransaction<T>(db: Db, work: (tx: Db) => Promise<T>): Promise<T> {
  const pool = (db as { $client?: unknown }).$client;
  return pool instanceof pg.Pool ? onConnection(pool, work) : inSavepoint(db, work);
}

async function onConnection<T>(pool: pg.Pool, work: (tx: Db) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error) => {
    broken = error;
  };
  client.on("error", onError);
  try {
    await client.query("begin");
    const result = await work(drizzle(client));
    await client.query("commit");
    return result;
  } catch (error) {
    // What Postgres refused leaves the connection sound. After anything else, a time-out above all, it may still be
    // busy with our statement: it is ended, which rolls back as well.
    if (hasSqlState(error) && !broken) {
      await client.query("rollback").catch((failed: Error) => {
        broken = failed;
      });
    } else {
      broken ??= error as Error;
    }
    throw error;
  } finally {
    // One that is ended keeps its listener: it may report its end once more.
    if (!broken) client.off("error", onError);
    client.release(broken);
  }
}

async function inSavepoint<T>(tx: Db, work: (tx: Db) => Promise<T>): Promise<T> {
  await tx.execute(sql`savepoint nested`);
  try {
    const result = await work(tx);
    await tx.execute(sql`release savepoint nested`);
    return result;
  } catch (error) {
    await tx.execute(sql`rollback to savepoint nested`);
    throw error;
  }
}
