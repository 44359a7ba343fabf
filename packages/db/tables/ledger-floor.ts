import { sql } from "drizzle-orm";
import { boolean, check, pgTable, text } from "drizzle-orm/pg-core";
import { instant } from "./columns.ts";

/** From when on the ledger is kept. One row, once something was let go. */
export const ledgerFloor = pgTable(
  "ledger_floor",
  {
    singleton: boolean("singleton").primaryKey().default(true),
    /** Occurrences before this instant may be gone: their job's totals are in `archived_totals`. */
    keptFrom: instant("kept_from").notNull(),
    /** Partitions that are no part of the ledger any more and whose totals are still to be taken. */
    detached: text("detached").array().notNull().default(sql`'{}'`),
  },
  (t) => [check("ledger_floor_singleton", sql`${t.singleton}`)],
);
