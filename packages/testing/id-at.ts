import { type SQL, sql } from "drizzle-orm";

/** An execution's id for an instant, as Postgres makes it: the instant in front of the end of another id, or of a new one. */
export function idAt(instant: SQL, endOf: SQL = sql`gen_random_uuid()`): SQL {
  const hex = sql`lpad(to_hex(greatest(0, extract(epoch from ${instant}) * 1000)::bigint), 12, '0')`;
  return sql`(left(${hex}, 8) || '-' || right(${hex}, 4) || '-7' || right(${endOf}::text, 21))::uuid`;
}
