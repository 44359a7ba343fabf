import { getTableColumns, type SQL, sql } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";

/**
 * `insert into <table> (…) select …` of any number of rows: one parameter a column, however many rows there are. A parameter
 * a value, as Drizzle makes them, ends at 65,535 of them and costs more to build than the rows cost to insert. Every row has
 * the columns of the first; the others get their defaults. What follows, `on conflict` or `returning`, is the caller's to add.
 */
export function insertRows<Table extends PgTable>(table: Table, rows: readonly Table["$inferInsert"][]): SQL {
  const first: Record<string, unknown> = rows[0] ?? {};
  const columns = Object.entries(getTableColumns(table)).filter(([key]) => first[key] !== undefined);
  // As text, since of arrays there are no arrays: a column that is one travels as its literal.
  const values = columns.map(([key, column]) => {
    const texts = rows.map((row: Record<string, unknown>) => {
      const value = row[key] ?? null;
      return value === null ? null : column.mapToDriverValue(value);
    });
    return sql`${sql.param(texts)}::text[]`;
  });
  const names = columns.map(([, column]) => sql.identifier(column.name));
  const typed = columns.map(([, column]) => sql`given.${sql.identifier(column.name)}::${sql.raw(column.getSQLType())}`);
  const list = (parts: SQL[]) => sql.join(parts, sql`, `);
  const namesList = sql.join(names, sql`, `);
  return sql`insert into ${table} (${namesList}) select ${list(typed)} from unnest(${list(values)}) as given(${namesList})`;
}
