import { bigint, pgTable, uuid } from "drizzle-orm/pg-core";

/** What has been let go of a job's ledger, in numbers, so that its counts can still be checked. */
export const archivedTotals = pgTable("archived_totals", {
  jobId: uuid("job_id").primaryKey(),
  /** Executions that were not skipped, manual ones included: they are part of `run_count`. */
  runs: bigint("runs", { mode: "number" }).notNull(),
  /** Occurrences of the schedule by what became of them. */
  success: bigint("success", { mode: "number" }).notNull(),
  failed: bigint("failed", { mode: "number" }).notNull(),
  cancelled: bigint("cancelled", { mode: "number" }).notNull(),
  skipped: bigint("skipped", { mode: "number" }).notNull(),
});
