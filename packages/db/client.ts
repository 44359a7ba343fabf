import { drizzle, type NodePgQueryResultHKT } from "drizzle-orm/node-postgres";
import type { PgDatabase } from "drizzle-orm/pg-core";
import pg from "pg";

/** What every function that touches data takes first: the pool, or the transaction of whoever knows the unit of work. */
export type Db = PgDatabase<NodePgQueryResultHKT, Record<string, never>>;

/** Postgres refused or broke off; the same statement may go through when it is tried again. */
const TRANSIENT = new Set(["40001", "40P01", "55P03", "57014", "57P01", "57P02", "57P03", "53300", "25P03", "08000", "08003", "08006"]);

/** The server cannot be reached, or not any more; a name that is gone may come back with a restarted container. */
const NETWORK = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);

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
};

/**
 * Every call ends: `statement_timeout`, `lock_timeout` and `idle_in_transaction_session_timeout` bound the server's
 * side; `query_timeout` bounds ours, since on a half-open connection nothing of the server's arrives.
 */
export function openDatabase({ url, max = 10, applicationName, onError }: DatabaseOptions): Database {
  const pool = new pg.Pool({ ...connectionSettings(url, applicationName), max, idleTimeoutMillis: 30_000 });
  pool.on("error", onError);
  return { db: drizzle(pool), close: () => pool.end() };
}

export function connectionSettings(url: string, applicationName: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: 5_000,
    query_timeout: 10_000,
    statement_timeout: 8_000,
    lock_timeout: 2_000,
    idle_in_transaction_session_timeout: 3_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    options: "-c timezone=UTC -c synchronous_commit=on",
  };
}

/** The Postgres error code of what a query threw, or undefined. Drizzle wraps the driver's error in `cause`. */
export function pgCode(error: unknown): string | undefined {
  for (let e = error; e instanceof Error; e = e.cause) {
    if ("code" in e && typeof e.code === "string") return e.code;
  }
  return undefined;
}

/** The constraint that a failed write broke, or undefined. */
export function brokenConstraint(error: unknown): string | undefined {
  for (let e = error; e instanceof Error; e = e.cause) {
    if ("constraint" in e && typeof e.constraint === "string") return e.constraint;
  }
  return undefined;
}

/** Whether trying the same again may help: the connection broke, a lock or the server was not to be had. */
export function isTransient(error: unknown): boolean {
  const code = pgCode(error);
  if (code !== undefined) return TRANSIENT.has(code) || NETWORK.has(code);
  const text = error instanceof Error ? `${error.message} ${error.cause instanceof Error ? error.cause.message : ""}` : "";
  return /Connection terminated|Query read timeout|timeout exceeded when trying to connect/.test(text);
}

/** Postgres' clock, in whole milliseconds since the epoch: the "now" of every decision about due. */
export async function databaseNow(db: Db): Promise<number> {
  const { rows } = await db.execute<{ now: string }>("select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now");
  return Number(rows[0]?.now);
}
