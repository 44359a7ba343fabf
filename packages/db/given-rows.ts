import { getTableColumns, type SQL, sql } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";

/** The parts of `insert into <table> (names) select typed from rows`, and the values of their placeholders. */
export type GivenRows<Row> = {
  names: SQL;
  typed: SQL;
  /** `unnest(…) as given(…)`, in the order in which they are given. */
  rows: SQL;
  values(rows: readonly Row[]): Record<string, unknown>;
};

/**
 * Any number of whole rows of a table as the values of one `statement`: one parameter a column, however many rows there are. A
 * parameter a value, as Drizzle makes them, ends at 65,535 of them and costs more to build than the rows cost to insert.
 */
export function givenRows<Table extends PgTable>(table: Table): GivenRows<Table["$inferSelect"]> {
  const columns = Object.entries(getTableColumns(table));
  const list = (parts: SQL[]) => sql.join(parts, sql`, `);
  const name = (column: { name: string }) => sql`${sql.identifier(column.name)}`;
  const names = list(columns.map(([, column]) => name(column)));
  return {
    names,
    typed: list(columns.map(([, column]) => sql`given.${name(column)}::${sql.raw(column.getSQLType())}`)),
    // As text, since of arrays there are no arrays: a column that is one travels as its literal.
    rows: sql`unnest(${list(columns.map(([key]) => sql`${sql.placeholder(key)}::text[]`))}) as given(${names})`,
    values(rows) {
      const texts = (key: string, column: (typeof columns)[number][1]) =>
        rows.map((row: Record<string, unknown>) => {
          const value = row[key] ?? null;
          return value === null ? null : column.mapToDriverValue(value);
        });
      return Object.fromEntries(columns.map(([key, column]) => [key, texts(key, column)]));
    },
  };
}
