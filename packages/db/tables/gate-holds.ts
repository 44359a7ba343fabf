import { index, integer, pgTable, primaryKey, uuid } from "drizzle-orm/pg-core";

/**
 * What may be running behind a gate. A row counts as long as its execution runs with this attempt, and not a moment
 * longer: so one that nobody has deleted holds up nothing.
 */
export const gateHolds = pgTable(
  "gate_holds",
  {
    gateId: uuid("gate_id").notNull(),
    executionId: uuid("execution_id").notNull(),
    attempt: integer("attempt").notNull(),
  },
  (t) => [
    index("gate_holds_gate").on(t.gateId),
    primaryKey({ columns: [t.executionId, t.attempt, t.gateId], name: "gate_holds_key" }),
  ],
);
