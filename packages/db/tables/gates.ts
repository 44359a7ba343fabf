import { sql } from "drizzle-orm";
import { check, pgTable, text, uuid } from "drizzle-orm/pg-core";

/**
 * One row for each function and each account that has a limit: whoever counts at a gate, or lets somebody through,
 * holds its row locked. The limits themselves stand with the function or the account.
 */
export const gates = pgTable(
  "gates",
  {
    /** That of the function or of the account. */
    id: uuid("id").primaryKey(),
    kind: text("kind").$type<"function" | "account">().notNull(),
  },
  (t) => [check("gates_kind", sql`${t.kind} in ('function', 'account')`)],
);
