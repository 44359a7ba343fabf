import { z } from "zod";
import { executionError } from "./execution.ts";
import { EXECUTION_STATUSES, skipReason } from "./states.ts";
import { instant } from "./text.ts";

/** Of an execution, or `planned`: it is to come, or is due and no scheduler has written it yet. */
export const occurrenceStatus = z.enum([...EXECUTION_STATUSES, "planned"]);
export type OccurrenceStatus = z.infer<typeof occurrenceStatus>;

/** One planned instant of a job and what became of it, or will. */
export const occurrence = z.object({
  scheduled_for: instant,
  status: occurrenceStatus,
  skip_reason: skipReason.nullable(),
  /** Its record, which it may share with others if they were missed together; null as long as it is planned. */
  execution_id: z.uuid().nullable(),
  /** From `scheduled_for`, and the jitter of the schedule, to its first start; null if it has not started. */
  late_ms: z.number().nullable(),
  error: executionError.nullable(),
  /** One sentence for people: why it ran, did not run, or has not run yet. */
  reason: z.string(),
});
export type Occurrence = z.infer<typeof occurrence>;
