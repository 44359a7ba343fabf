import { z } from "zod";
import { dstRule } from "./dst.ts";
import { API_ERRORS, type ApiErrorCode } from "./errors.ts";
import { json, payload } from "./json.ts";
import { misfirePolicy, overlapPolicy } from "./policies.ts";
import { scheduleInput } from "./schedule-input.ts";
import { delivery, jobStatus, priority } from "./states.ts";
import { description, instant, name, slug } from "./text.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** How long one phase may take, in milliseconds. */
export const timeoutMs = z.int().min(1).max(DAY_MS);

/**
 * What is done when an attempt fails. Before attempt n + 1 the execution waits
 * `min(backoff_ms * 2^(n - 1), max_backoff_ms)`, less a random part of up to `jitter` of it.
 */
export const retryPolicy = z.strictObject({
  /** How often the execution is tried in all; 1 means never again. */
  attempts: z.int().min(1).max(100).default(1),
  backoff_ms: z.int().min(0).max(DAY_MS).default(1000),
  max_backoff_ms: z
    .int()
    .min(0)
    .max(DAY_MS)
    .default(60 * 60 * 1000),
  jitter: z.number().min(0).max(1).default(0.5),
});
export type RetryPolicy = z.infer<typeof retryPolicy>;

const editable = {
  name,
  description,
  project: slug.nullable(),
  schedule: scheduleInput,
  timezone: z.string().max(100),
  dst: dstRule.nullable(),
  payload,
  priority,
  pool: slug,
  max_runs: z.int().min(0).max(2_147_483_647),
  timeout_ms: timeoutMs.nullable(),
  check_timeout_ms: timeoutMs.nullable(),
  perform_timeout_ms: timeoutMs.nullable(),
  misfire: misfirePolicy,
  overlap: overlapPolicy,
  /** Pauses the job when so many of its executions in a row have failed; 0 is never. */
  auto_pause_after: z.int().min(0).max(1_000),
  retry: retryPolicy,
  delivery,
  enabled: z.boolean(),
};

/** Body of `POST /automation/jobs`. */
export const createJobBody = z.strictObject({
  function_id: z.string(),
  name: editable.name,
  schedule: editable.schedule,
  description: editable.description.default(""),
  project: editable.project.default(null),
  timezone: editable.timezone.default("UTC"),
  /** What the schedule does where clocks are changed; null is the rule of its kind. */
  dst: editable.dst.default(null),
  payload: editable.payload.optional(),
  priority: editable.priority.default("medium"),
  pool: editable.pool.default("default"),
  max_runs: editable.max_runs.default(0),
  /** How long an attempt may take in all, check and perform together. */
  timeout_ms: editable.timeout_ms.default(null),
  check_timeout_ms: editable.check_timeout_ms.default(null),
  perform_timeout_ms: editable.perform_timeout_ms.default(null),
  misfire: editable.misfire.prefault({}),
  overlap: editable.overlap.prefault({}),
  auto_pause_after: editable.auto_pause_after.default(0),
  retry: editable.retry.prefault({}),
  delivery: editable.delivery.default("at_least_once"),
  enabled: editable.enabled.default(true),
});
export type CreateJobBody = z.infer<typeof createJobBody>;

/** Body of `PATCH /automation/jobs/{id}`: what is absent stays as it is. */
export const patchJobBody = z
  .strictObject({ function_id: z.string(), ...editable })
  .partial()
  .refine((body) => Object.keys(body).length > 0, "must change at least one field");
export type PatchJobBody = z.infer<typeof patchJobBody>;

export const JOB_WARNING_CODES = [
  "NO_WORKER", // no living worker serves its pool, or none of them has its module
  "OVERDUE", // its next run has come and nothing was made of it: no scheduler is sweeping
  "NOT_STARTED", // an execution may start and was not claimed
  "OUTLASTS_INTERVAL", // its last execution was still running when the next one was due
  "FAILING", // its last executions have failed
] as const;
export type JobWarningCode = (typeof JOB_WARNING_CODES)[number];

/** Something that people should know of a job. Derived when it is read: it goes when its cause does. */
export const jobWarning = z.object({
  code: z.enum(JOB_WARNING_CODES),
  message: z.string(),
  /** When it began. */
  since: instant,
});

/** A job as the API answers it. */
export const job = z.object({
  id: z.uuid(),
  account_id: z.uuid(),
  function_id: z.uuid(),
  name: z.string(),
  description: z.string(),
  project: z.string().nullable(),
  schedule: scheduleInput,
  /** The same in English. */
  schedule_description: z.string(),
  timezone: z.string(),
  dst: dstRule.nullable(),
  payload: json,
  priority,
  pool: z.string(),
  max_runs: z.int(),
  timeout_ms: z.int().nullable(),
  check_timeout_ms: z.int().nullable(),
  perform_timeout_ms: z.int().nullable(),
  misfire: misfirePolicy,
  overlap: overlapPolicy,
  auto_pause_after: z.int(),
  retry: retryPolicy,
  delivery,
  status: jobStatus,
  enabled: z.boolean(),
  /** Why Belfry itself has paused the job; null if it has not. */
  paused_reason: z.string().nullable(),
  run_count: z.int(),
  last_run: instant.nullable(),
  next_run: instant.nullable(),
  /** What is wrong with it at the moment; none unless it is active and enabled. */
  warnings: z.array(jobWarning),
  created_at: instant,
  updated_at: instant,
  deleted_at: instant.nullable(),
});
export type Job = z.infer<typeof job>;

/** Jobs that a call with JSON may hold. */
export const BULK_MAX_JOBS = 10_000;

/** Body of `POST /automation/jobs:bulk`, of jobs that are such and such. */
export const jobsBodyOf = <Job extends z.ZodType>(job: Job) =>
  z.strictObject({
    jobs: z
      .array(job)
      .min(1, "must have at least one job")
      .max(BULK_MAX_JOBS, `must have at most ${BULK_MAX_JOBS} jobs`),
  });

const newJob = z.object({ id: z.uuid(), name: z.string(), next_run: instant.nullable() });

/** What became of a call that makes all of its jobs. */
export const createdJobs = z.object({
  created: z.int(),
  /** In the order in which they were sent. */
  jobs: z.array(newJob),
});

const refusal = z.object({
  /** The first line is 1. */
  line: z.int(),
  error: z.string(),
  message: z.string(),
  code: z.enum(Object.keys(API_ERRORS) as ApiErrorCode[]),
  details: z.array(z.object({ path: z.string(), message: z.string(), code: z.string() })).optional(),
});

/** What became of jobs that were sent line by line. */
export const importedJobs = z.object({
  /** Lines that were read and were not blank: `created` and `refused` together. */
  lines: z.int(),
  created: z.int(),
  refused: z.int(),
  /** The first thousand lines that were refused, in their order, and why. */
  errors: z.array(refusal),
  /** Why the rest was not read, from this line on; null if all was. */
  stopped: refusal.nullable(),
});
export type ImportedJobs = z.infer<typeof importedJobs>;
