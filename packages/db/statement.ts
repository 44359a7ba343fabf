import { fillPlaceholders, type SQL } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import type pg from "pg";
import type { Db } from "./client.ts";

/** Asks with these values, by the names of the statement's placeholders. */
export type Statement<Row, Values> = (db: Db, values: Values) => Promise<Row[]>;

const dialect = new PgDialect();

/**
 * A statement whose text is put together once, with `sql.placeholder(name)` where a value goes: for what is asked with every
 * request. Drizzle builds a text anew for each call, which for a statement with all columns of a table takes more of our time
 * than everything else about it. Rows are as the driver reads them: instants are `Date`s.
 */
export function statement<Row extends pg.QueryResultRow, Values extends Record<string, unknown>>(
  query: SQL,
): Statement<Row, Values> {
  const { sql: text, params } = dialect.sqlToQuery(query);
  return async (db, values) => (await clientOf(db).query<Row>({ text, values: fillPlaceholders(params, values) })).rows;
}

/** The same for a statement that is another one each time. */
export async function ask<Row extends pg.QueryResultRow>(db: Db, query: SQL): Promise<Row[]> {
  return statement<Row, Record<string, never>>(query)(db, {});
}

/** The pool, or the connection of a transaction. */
const clientOf = (db: Db): pg.Pool | pg.ClientBase => (db as unknown as { $client: pg.Pool | pg.ClientBase }).$client;
