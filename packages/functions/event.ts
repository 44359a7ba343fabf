import type { Json, JsonObject } from "@belfry/contract/json.ts";
import type { Trigger } from "@belfry/contract/states.ts";

/** What a call needs to know of the execution that it belongs to. `payload` is the job's own. */
export type Run = {
  jobId: string;
  executionId: string;
  /** 1 for the first try. */
  attempt: number;
  scheduledFor: Date;
  trigger: Trigger;
  payload: Json;
};

/** The one reserved key under which each call is told what it belongs to. */
export type BelfryKey = {
  execution_id: string;
  attempt: number;
  /** ISO 8601, UTC. */
  scheduled_for: string;
  trigger: Trigger;
  payload: Json;
};

export type CheckEvent = { automation_job: string; phase: "check"; belfry: BelfryKey };

/** `Extra` is the performPayload, whose keys lie beside ours; where they have the same name, ours win. */
export type PerformEvent<Extra extends object = JsonObject> = Omit<Extra, keyof CheckEvent> & {
  automation_job: string;
  phase: "perform";
  belfry: BelfryKey;
};

export type PhaseEvent = CheckEvent | PerformEvent;

/** What a function's check is called with. */
export function checkEvent(run: Run): CheckEvent {
  return { automation_job: run.jobId, phase: "check", belfry: belfryKey(run) };
}

/** What a function's perform is called with; `performPayload` is what its check answered, `{}` if it has no check. */
export function performEvent(run: Run, performPayload: JsonObject): PerformEvent {
  const own = { automation_job: run.jobId, phase: "perform" as const };
  // Spreading defines properties and never assigns them: a key named __proto__ stays a key. `own` comes first for
  // the reader of the JSON, and again last because it wins.
  return { ...own, ...performPayload, ...own, belfry: belfryKey(run) };
}

function belfryKey(run: Run): BelfryKey {
  return {
    execution_id: run.executionId,
    attempt: run.attempt,
    scheduled_for: run.scheduledFor.toISOString(),
    trigger: run.trigger,
    payload: run.payload,
  };
}
