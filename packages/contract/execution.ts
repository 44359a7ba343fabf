import { z } from "zod";
import { EXECUTION_ERROR_CODES } from "./errors.ts";
import { json } from "./json.ts";
import { executionStatus, skipReason, trigger } from "./states.ts";
import { instant } from "./text.ts";

export const executionError = z.object({ code: z.enum(EXECUTION_ERROR_CODES), message: z.string() });

/**
 * What the process of a module used while a phase ran, which is an upper bound where other executions ran in it at
 * the same time. `cpu_ms` is the time of all its threads, `max_rss_mb` the most memory that was seen.
 */
export const resourceUse = z.object({ cpu_ms: z.number(), max_rss_mb: z.number(), wall_ms: z.number() });
export type ResourceUse = z.infer<typeof resourceUse>;

/** How far the work is, as the function itself has said last. */
export const progress = z.object({ percent: z.number(), text: z.string(), at: instant });
export type Progress = z.infer<typeof progress>;

/** What one phase was given and what came back. Times in UTC, durations in milliseconds. */
export const phaseRecord = z.object({
  input: json,
  output: json,
  logs: z.array(z.string()),
  error: executionError.nullable(),
  started_at: instant,
  duration_ms: z.number(),
  /** Of a module only. */
  resources: resourceUse.nullish(),
});
export type PhaseRecord = z.infer<typeof phaseRecord>;

/** One try that was recorded as failed or lost before the next began. */
export const attemptRecord = z.object({
  attempt: z.int(),
  outcome: z.enum(["failed", "lost"]),
  worker: z.string(),
  started_at: instant,
  ended_at: instant,
  error: executionError,
});

/** An execution as the API answers it: the record of one occurrence or of one manual run. */
export const execution = z.object({
  id: z.uuid(),
  job_id: z.uuid(),
  account_id: z.uuid(),
  function_id: z.uuid(),
  /** Of an uploaded function: the version that ran last. */
  function_version: z.int().nullable(),
  trigger,
  scheduled_for: instant,
  /** More than 1 for a record that stands for a range of misfires, from `scheduled_for` to `scheduled_until`. */
  occurrences: z.int(),
  scheduled_until: instant,
  status: executionStatus,
  skip_reason: skipReason.nullable(),
  /** The try that is running or was the last; 1 for the first. */
  attempt: z.int(),
  worker: z.string().nullable(),
  started_at: instant.nullable(),
  completed_at: instant.nullable(),
  duration_ms: z.number().nullable(),
  error: executionError.nullable(),
  check: phaseRecord.nullable(),
  perform: phaseRecord.nullable(),
  /** Of a module that undoes what a perform has done that failed. */
  rollback: phaseRecord.nullable(),
  progress: progress.nullable(),
});
export type Execution = z.infer<typeof execution>;

/** `GET /automation/executions/{id}` also lists the tries before the last one. */
export const executionWithAttempts = execution.extend({
  attempts: z.array(attemptRecord),
  /** Of a pending one: why it has not started, one sentence. Null of all others. */
  waiting: z.string().nullable(),
});
