import { index, pgTable, uuid } from "drizzle-orm/pg-core";
import { instant } from "./columns.ts";

/** The starts behind each gate that has a rate limit, for as long as they count. */
export const gateStarts = pgTable(
  "gate_starts",
  {
    gateId: uuid("gate_id").notNull(),
    at: instant("at").notNull(),
  },
  (t) => [index("gate_starts_latest").on(t.gateId, t.at)],
);
