import { z } from "zod";

/** DESIGN: an execution is `pending`, `running`, then one of the four that are final. */
export const EXECUTION_STATUSES = ["pending", "running", "success", "failed", "cancelled", "skipped"] as const;
export const executionStatus = z.enum(EXECUTION_STATUSES);
export type ExecutionStatus = z.infer<typeof executionStatus>;

export const FINAL_STATUSES = ["success", "failed", "cancelled", "skipped"] as const;
export type FinalStatus = (typeof FINAL_STATUSES)[number];

/** Why a planned occurrence was not run. */
export const SKIP_REASONS = ["check_declined", "function_disabled", "misfire", "overlap", "paused"] as const;
export const skipReason = z.enum(SKIP_REASONS);
export type SkipReason = z.infer<typeof skipReason>;

/** What made an execution: the clock, or somebody's call. */
export const TRIGGERS = ["schedule", "manual"] as const;
export const trigger = z.enum(TRIGGERS);
export type Trigger = z.infer<typeof trigger>;

export const JOB_STATUSES = ["active", "paused", "completed"] as const;
export const jobStatus = z.enum(JOB_STATUSES);
export type JobStatus = z.infer<typeof jobStatus>;

/** Most urgent first. */
export const PRIORITIES = ["critical", "high", "medium", "low", "background"] as const;
export const priority = z.enum(PRIORITIES);
export type Priority = z.infer<typeof priority>;

/** Why a job's plan begins or ends. */
export type JobChangeKind =
  | "created"
  | "edited"
  | "paused"
  | "resumed"
  | "disabled"
  | "deleted"
  | "revived" // enabled again
  | "parked" // Belfry could not plan it
  | "exhausted" // the last of `max_runs` was given out, or the schedule is over
  | "continued" // a run that was given out came back unused
  | "completed";

/**
 * What happens to a run whose worker died in the middle, when nobody can know whether the effect happened:
 * run again with the same idempotency key, or mark lost and never run again.
 */
export const DELIVERIES = ["at_least_once", "at_most_once"] as const;
export const delivery = z.enum(DELIVERIES);
export type Delivery = z.infer<typeof delivery>;

export const PHASES = ["check", "perform"] as const;
export type Phase = (typeof PHASES)[number];

export const FUNCTION_KINDS = ["http", "module", "sandbox"] as const;
export const functionKind = z.enum(FUNCTION_KINDS);
export type FunctionKind = z.infer<typeof functionKind>;

/** Of a function's circuit breaker: calls go through, are postponed, or one of them tries whether they may go through again. */
export const BREAKER_STATES = ["closed", "open", "half_open"] as const;
export const breakerState = z.enum(BREAKER_STATES);
export type BreakerState = z.infer<typeof breakerState>;

export const ROLES = ["member", "admin"] as const;
export type Role = (typeof ROLES)[number];
