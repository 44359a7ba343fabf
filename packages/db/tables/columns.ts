import { sql } from "drizzle-orm";
import { customType, timestamp, uuid } from "drizzle-orm/pg-core";
import { newId } from "../new-id.ts";

/**
 * A UTC instant in whole milliseconds. Two instants that differ by less than a millisecond would be two keys in
 * Postgres and one `Date` in JavaScript, so the column itself keeps no more than that.
 */
export const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: "date" });

export const createdAt = () => instant("created_at").notNull().default(sql`now()`);
export const updatedAt = () => instant("updated_at").notNull().default(sql`now()`);

/** Ids are UUIDv7: in the order in which they were made, so "newest first" needs no second column. */
export const idV7 = () =>
  uuid("id")
    .primaryKey()
    .$defaultFn(() => newId());

/**
 * JSON that is kept as it was given, in the order of its keys: `json` rather than `jsonb`, since nothing looks into it.
 * Written as text and read as the parsed value, whatever it holds; Drizzle's own stringifies a JSON string twice.
 */
export const json = <T>(name: string) =>
  customType<{ data: T; driverData: string }>({
    dataType: () => "json",
    toDriver: (value) => JSON.stringify(value),
    fromDriver: (value) => value as T,
  })(name);
