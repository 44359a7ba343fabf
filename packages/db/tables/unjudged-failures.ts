import { pgTable, uuid } from "drizzle-orm/pg-core";

/**
 * Executions that have failed and whose job is to be paused after so many. Written with the verdict, so that none is
 * forgotten whoever dies; a scheduler looks at the job and deletes them.
 */
export const unjudgedFailures = pgTable("unjudged_failures", {
  executionId: uuid("execution_id").primaryKey(),
  jobId: uuid("job_id").notNull(),
});
