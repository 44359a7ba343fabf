/**
 * What a worker and the processes in which modules run, its hosts, say to each other. Both gather what they have to
 * say in a turn of their event loops into one message.
 */
import type { ExecutionError, ExecutionErrorCode } from "@belfry/contract/errors.ts";
import type { PhaseRecord, Progress } from "@belfry/contract/execution.ts";
import type { JsonObject } from "@belfry/contract/json.ts";
import type { ModuleCode } from "./module-code.ts";
import type { Run } from "./phase-event.ts";

/** An attempt to be run. Instants in milliseconds since the epoch. */
export type Order = {
  id: number;
  run: Omit<Run, "scheduledFor"> & { scheduledFor: number };
  checkTimeoutMs: number;
  performTimeoutMs: number;
  /** From this instant on the worker has to be asked before anything is performed. */
  askAfter: number;
  /** Only clean up after an attempt whose host has ended: roll back if it is said what, and tear down. */
  recover?: { rollback: { performPayload: JsonObject; error: ExecutionError } | null };
};

/** Comes first. */
export type CodeToHost = { code: ModuleCode };

export type ToHost =
  | { run: Order }
  /** The answer to an attempt that is at "asking". */
  | { go: number }
  | { stop: number; code: ExecutionErrorCode; message: string };
export type BatchToHost = { seq: number; items: ToHost[] };

/** Where an attempt is. At "asking" it waits for the worker; "settling" is a handler that was told to stop and has not. */
export type Stage = "check" | "asking" | "perform" | "settling" | "rollback" | "teardown" | "over";

/** What an attempt has come to so far. */
export type AttemptReport = {
  end: "success" | "declined" | "failed" | null;
  check: PhaseRecord | null;
  perform: PhaseRecord | null;
  rollback: PhaseRecord | null;
  error: ExecutionError | null;
  retryable: boolean;
  /** Some handler has not stopped when told to: what is left of the attempt needs another process. */
  unsettled: boolean;
  tornDown: boolean;
  /** What teardown has logged where there is no record of a phase to keep it. */
  logs: string[];
  /** What perform was given, for a rollback in another process; kept back unless there may be one. */
  performPayload: JsonObject | null;
};

export type HostEvent = {
  id: number;
  stage: Stage;
  report: AttemptReport;
  /** The time limit of the phase has begun anew. */
  beat?: true;
  progress?: Progress;
};

export type FromHost =
  | { ready: true }
  /** The module could not be imported. */
  | { failed: string }
  /** A batch has come; nothing of it has begun yet. */
  | { received: number }
  /** All of a batch has begun, and the host can take more. */
  | { began: number; events: HostEvent[] }
  /** The host is about to end, and why. */
  | { ending: string };

/** How long a handler may go on after its phase has ended without it. */
export const SETTLE_MS = 500;
export const TEARDOWN_MS = 5000;
