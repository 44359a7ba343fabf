import { sql } from "drizzle-orm";
import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { instant } from "./columns.ts";

/** What the cluster does for itself at intervals, one row a duty, and when it was last done. */
export const duties = pgTable("duties", {
  name: text("name").primaryKey(),
  everyMs: integer("every_ms").notNull(),
  /** Since when it is one of the cluster's duties: what was never done is late from here on. */
  registeredAt: instant("registered_at").notNull().default(sql`now()`),
  startedAt: instant("started_at"),
  /** When it last came to a good end. */
  doneAt: instant("done_at"),
  /** What it said it did; why it failed, if the last time did. */
  result: text("result"),
  error: text("error"),
});
