import type { Json, JsonObject } from "./json.ts";

/** The one reserved key under which each call is told what it belongs to. */
export type BelfryKey = {
  execution_id: string;
  /** 1 for the first try. */
  attempt: number;
  /** ISO 8601, UTC. */
  scheduled_for: string;
  trigger: "schedule" | "manual";
  /** The job's own payload. */
  payload: Json;
  /**
   * Of a function of kind `http`, where the deployment has it: after an answer of 202 this phase is ended by a POST to
   * `<url>/complete`, and kept alive by one to `<url>/heartbeat`, with `Authorization: Bearer <token>`.
   */
  callback?: { url: string; token: string };
};

export type CheckEvent = { automation_job: string; phase: "check"; belfry: BelfryKey };

/** `Extra` is the performPayload, whose keys lie beside ours; where they have the same name, ours win. */
export type PerformEvent<Extra extends object = JsonObject> = Omit<Extra, keyof CheckEvent> & {
  automation_job: string;
  phase: "perform";
  belfry: BelfryKey;
};

/** What perform was given, once more, and why it has failed. */
export type RollbackEvent<Extra extends object = JsonObject> = Omit<Extra, keyof CheckEvent | "error"> & {
  automation_job: string;
  phase: "rollback";
  belfry: BelfryKey;
  error: { code: string; message: string };
};

export type PhaseEvent = CheckEvent | PerformEvent;

/** What a check answers: whether to act, and what its perform shall be given. */
export type CheckAnswer<Extra extends object = JsonObject> = {
  shouldPerform: boolean;
  performPayload?: Extra | null | undefined;
};
