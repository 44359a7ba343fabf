import { drizzle, type NodePgQueryResultHKT } from "drizzle-orm/node-postgres";
import type { PgDatabase } from "drizzle-orm/pg-core";
import pg from "pg";
import { nameStatements } from "./named-statements.ts";

/** What every function that touches data takes first: the pool, or the transaction of whoever knows the unit of work. */
export type Db = PgDatabase<NodePgQueryResultHKT, Record<string, never>>;

export type Database = {
  db: Db;
  /** Ends every connection. Waits for queries under way, each of which has its own deadline. */
  close(): Promise<void>;
};

export type DatabaseOptions = {
  url: string;
  /** Connections at most. */
  max?: number;
  applicationName: string;
  /** Told of connections that break while idle; the pool replaces them. */
  onError: (error: Error) => void;
  /**
   * Whether Postgres is to plan a statement once for all values, and by indexes only, in
   * their order, in which rows are then locked: for processes whose statements look
   * up by keys what they were given, thousands of times a second. Otherwise it plans anew where it expects to gain by it.
   */
  keepPlans?: boolean;
  /** How long connecting or a query may take, in milliseconds; ten seconds unless it matters to hear sooner. */
  deadlineMs?: number;
};

/**
 * Every call ends: `statement_timeout`, `lock_timeout` and `idle_in_transaction_session_timeout` bound the server's
 * side; `query_timeout` bounds ours, since on a half-open connection nothing of the server's arrives.
 */
export function openDatabase({
  url,
  max = 10,
  applicationName,
  onError,
  keepPlans = false,
  deadlineMs = 10_000,
}: DatabaseOptions): Database {
  const settings = connectionSettings(url, applicationName, deadlineMs);
  if (keepPlans)
    settings.options += " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off";
  const pool = new pg.Pool({ ...settings, max, idleTimeoutMillis: 30_000 });
  pool.on("error", onError);
  pool.on("connect", (client) => nameStatements(client));
  return { db: drizzle(pool), close: () => pool.end() };
}

/**
 * Does one piece of work on a connection of its own, which is ended with it: for what takes longer than `openDatabase`'s
 * deadline, or has no pool at hand. What breaks the connection fails the query under way.
 */
export async function withDatabase<T>(
  options: Required<Pick<DatabaseOptions, "url" | "applicationName" | "deadlineMs">>,
  work: (db: Db) => Promise<T>,
): Promise<T> {
  const { db, close } = openDatabase({ ...options, max: 1, onError: () => undefined });
  try {
    return await work(db);
  } finally {
    await close();
  }
}

export function connectionSettings(url: string, applicationName: string, deadlineMs = 10_000): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: deadlineMs / 2,
    query_timeout: deadlineMs,
    ...sessionTimeouts(deadlineMs),
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    options: "-c timezone=UTC -c synchronous_commit=on",
  };
}

/** What bounds the server's side, in milliseconds. */
export const sessionTimeouts = (deadlineMs = 10_000) => ({
  // The server gives up first, so that its reason is heard.
  statement_timeout: deadlineMs * 0.8,
  lock_timeout: deadlineMs / 5,
  idle_in_transaction_session_timeout: 3_000,
});

/** Postgres' clock, in whole milliseconds since the epoch: the "now" of every decision about due. */
export async function databaseNow(db: Db): Promise<number> {
  const { rows } = await db.execute<{ now: string }>(
    "select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now",
  );
  return Number(rows[0]?.now);
}
