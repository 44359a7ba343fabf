import { type SQL, sql } from "drizzle-orm";

type ArrayType = "uuid" | "text" | "int" | "float8" | "bool" | "json";

/** One parameter that holds the whole array; by itself Drizzle makes a list of parameters of it. */
export const array = (values: readonly unknown[], type: ArrayType): SQL =>
  sql`${sql.param(values)}::${sql.raw(type)}[]`;

/** Rows to be unnested, a column at a time: each column is one parameter. */
export const columnsOf =
  <Row extends object>(rows: readonly Row[]) =>
  (key: keyof Row, type: ArrayType): SQL =>
    array(
      rows.map((row) => row[key]),
      type,
    );

/** A JSON value as one parameter, or SQL's null for null and undefined. */
export const jsonOrNull = (value: unknown): SQL => sql`${jsonTextOrNull(value)}::json`;

export const jsonTextOrNull = (value: unknown): string | null =>
  value === null || value === undefined ? null : JSON.stringify(value);

/** Milliseconds since the epoch to an instant. */
export const toInstant = (ms: SQL | number): SQL => sql`to_timestamp(${ms}::float8 / 1000)`;

/** An instant to milliseconds since the epoch, as a JavaScript number. */
export const toMs = (column: SQL): SQL => sql`(extract(epoch from ${column}) * 1000)::float8`;

/** The size of a batch, as a part of the text: a plan that is kept for all values would not know that it is small. */
export const atMost = (rows: number): SQL => sql.raw(String(Math.trunc(rows)));

/** "Now", cut to what an instant keeps: rounding up would put it in the future. */
export const nowMs: SQL = sql`date_trunc('milliseconds', now())`;

/**
 * A condition on rows that are looked up by their ids, of which the planner knows nothing, so that it takes half of them
 * to fulfil it. Statistics from a quiet moment say that next to nothing is pending or running: then it would go by one of
 * the partial indexes, and each batch would read the whole backlog, or compare each of its rows with every other.
 */
export const opaque = (condition: SQL): SQL => sql`coalesce(${condition}, false)`;
