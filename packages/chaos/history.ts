/**
 * What a run leaves behind, and all that the checker is told. Instants are milliseconds since the epoch of this
 * machine's clock, which all processes of a run share, Postgres too.
 */
import type { Fault } from "./plan-faults.ts";

export type Policies = {
  misfire: { policy: "skip" | "run_once" | "run_all"; grace_ms: number; max_runs: number; max_age_ms: number };
  overlap: { policy: "skip" | "queue" | "cancel_running" | "allow"; max_instances: number; max_queued: number };
  retry: { attempts: number; backoff_ms: number; max_backoff_ms: number; jitter: number };
  delivery: "at_least_once" | "at_most_once";
};

/** What the client sends to create a job. */
export type JobWish = Policies & {
  schedule: string;
  timezone: string;
  max_runs: number;
  enabled: boolean;
  auto_pause_after: number;
};

/** The fields of a job that the client may change. */
export type JobPatch = Partial<Policies> & {
  schedule?: string;
  timezone?: string;
  max_runs?: number;
  enabled?: boolean;
  payload?: unknown;
};

/** A call that changes a job or one of its executions. */
export type Call =
  | { op: "create"; wish: JobWish }
  | { op: "patch"; patch: JobPatch }
  | { op: "pause" }
  | { op: "resume" }
  | { op: "delete" }
  | { op: "run" }
  | { op: "cancel" };

/** What the API says of a job, as far as the checker reads it. */
export type JobAnswer = {
  id: string;
  status: "active" | "paused" | "completed";
  enabled: boolean;
  next_run: string | null;
  created_at: string;
  updated_at: string;
};

/** A call as the client saw it. One that got no clear answer was repeated until it got one. */
export type CallRecord = {
  /** The client's number of the job. */
  job: number;
  call: Call;
  /** When the first try was sent. */
  invokedAt: number;
  /** When the clear answer came. Infinity if none ever came. */
  returnedAt: number;
  /** HTTP status of the clear answer; 0 if none ever came. */
  status: number;
  /** Tries whose outcome stayed unknown: cut off, timed out, or answered with 5xx. */
  unknownTries: number;
  /** The job after the change, for those that answer with one. */
  answer: JobAnswer | null;
  /** Of `run` and `cancel`: the execution. */
  executionId: string | null;
  /** When a later change of the same kind may at the latest have been applied by an unknown try; null if there was none. */
  settledAt: number | null;
};

export type Status = "pending" | "running" | "success" | "failed" | "cancelled" | "skipped";

export type LedgerRow = {
  id: string;
  jobId: string;
  trigger: "schedule" | "manual";
  scheduledFor: number;
  scheduledUntil: number;
  occurrences: number;
  status: Status;
  skipReason: string | null;
  attempt: number;
  worker: string | null;
  dispatch: number;
  errorCode: string | null;
  createdAt: number;
  startedAt: number | null;
  completedAt: number | null;
};

export type AttemptRow = {
  executionId: string;
  attempt: number;
  outcome: "failed" | "lost";
  worker: string;
  startedAt: number;
  endedAt: number;
};

export type JobRow = {
  id: string;
  status: "active" | "paused" | "completed";
  enabled: boolean;
  deleted: boolean;
  pausedReason: string | null;
  runCount: number;
  maxRuns: number;
  /** So many failures in a row pause it; 0 is never. */
  autoPauseAfter: number;
  /** When Belfry has paused it for them; null if it has not. Nobody else pauses such a job. */
  autoPausedAt: number | null;
};

export type Phase = "check" | "perform";

/** A call that arrived at the target, written down before it was answered. */
export type Effect = {
  executionId: string;
  attempt: number;
  phase: Phase;
  jobId: string;
  scheduledFor: number;
  at: number;
  /** When the target answered; null if it never did, or died before. */
  answeredAt: number | null;
};

/** A fault as it was carried out. */
export type FaultRecord = { fault: Fault; begunAt: number; endedAt: number; error: string | null };

/** A row that was changed after it had become final. */
export type Rewritten = { executionId: string; was: Status; became: Status };

/** The end of a process that nobody had asked for, the nemesis neither. */
export type Exit = { name: string; at: number };

export type History = {
  calls: CallRecord[];
  rows: LedgerRow[];
  attempts: AttemptRow[];
  jobs: JobRow[];
  rewritten: Rewritten[];
  effects: Effect[];
  faults: FaultRecord[];
  exits: Exit[];
  /** What Postgres' log tells of crashes of its own. */
  crashes: string[];
  /** When the client had stopped all plans and everything was quiet. */
  endedAt: number;
};

/** Something that must not be. */
export type Violation = { rule: string; what: string };
