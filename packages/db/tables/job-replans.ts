import { index, pgTable, uuid } from "drizzle-orm/pg-core";
import { instant } from "./columns.ts";

/**
 * Jobs whose calendars have changed and that are to be planned anew. Written in the transaction that changes the
 * calendar, however many jobs there are; a scheduler plans each in a transaction of its own, which deletes the row.
 */
export const jobReplans = pgTable(
  "job_replans",
  {
    jobId: uuid("job_id").primaryKey(),
    /** The order in which they are taken: by the job's next run, and later for one that could not be planned just now. */
    turn: instant("turn").notNull(),
  },
  (t) => [index("job_replans_turn").on(t.turn)],
);
