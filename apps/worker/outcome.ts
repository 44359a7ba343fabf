import type { ExecutionError } from "@belfry/contract/errors.ts";
import type { PhaseRecord, Progress } from "@belfry/contract/execution.ts";
import type { PhaseResult } from "@belfry/runners/run-phase.ts";

/** How an attempt ended, before it is known whether there will be another. */
export type Outcome = {
  check: PhaseRecord | null;
  perform: PhaseRecord | null;
  rollback?: PhaseRecord | null;
  progress?: Progress | null;
} & (
  | { end: "success" }
  | { end: "declined" }
  | { end: "stopped" }
  | { end: "disabled" }
  /** The process in which it ran has ended, and it is not known why: as if its worker had ended. */
  | { end: "lost"; message: string }
  | ({ end: "failed"; error: ExecutionError } & Pick<PhaseResult, "retryable" | "retryAfterMs">)
);

/** Of which this worker writes what it came to. */
export type Known = Exclude<Outcome, { end: "lost" }>;

/** What an execution comes to by an attempt that is its last. */
export function judge(outcome: Known) {
  if (outcome.end === "success") return { status: "success", skipReason: null, error: null } as const;
  if (outcome.end === "declined") return { status: "skipped", skipReason: "check_declined", error: null } as const;
  if (outcome.end === "disabled") return { status: "skipped", skipReason: "function_disabled", error: null } as const;
  if (outcome.end === "stopped") return { status: "skipped", skipReason: "paused", error: null } as const;
  const status = outcome.error.code === "CANCELLED" ? "cancelled" : "failed";
  return { status, skipReason: null, error: outcome.error } as const;
}

export function errorOf(outcome: Known): { error_code?: string; error_message?: string } {
  return outcome.end === "failed" ? { error_code: outcome.error.code, error_message: outcome.error.message } : {};
}
