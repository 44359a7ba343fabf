import type { Json, JsonObject } from "@belfry/contract/json.ts";
import type { Phase, Trigger } from "@belfry/contract/states.ts";
import type { BelfryKey, CheckEvent, PerformEvent, RollbackEvent } from "@belfry/functions/event.ts";
import type { LatePhase } from "./late-answer.ts";

/** What a call needs to know of the execution that it belongs to. `payload` is the job's own. */
export type Run = {
  jobId: string;
  executionId: string;
  /** 1 for the first try. */
  attempt: number;
  scheduledFor: Date;
  trigger: Trigger;
  payload: Json;
  /** Set if the function may answer a phase later. */
  later?: (phase: Phase) => LatePhase;
};

/** What a function's check is called with. */
export function checkEvent(run: Run): CheckEvent {
  return { automation_job: run.jobId, phase: "check", belfry: belfryKey(run, "check") };
}

/** What a function's perform is called with; `performPayload` is what its check answered, `{}` if it has no check. */
export function performEvent(run: Run, performPayload: JsonObject): PerformEvent {
  const own = { automation_job: run.jobId, phase: "perform" as const };
  // Spreading defines properties and never assigns them: a key named __proto__ stays a key. `own` comes first for
  // the reader of the JSON, and again last because it wins.
  return { ...own, ...performPayload, ...own, belfry: belfryKey(run, "perform") };
}

/** What a module's rollback is called with: what its perform was given, and why that has failed. */
export function rollbackEvent(run: Run, performPayload: JsonObject, error: RollbackEvent["error"]): RollbackEvent {
  return { ...performEvent(run, performPayload), phase: "rollback", error };
}

function belfryKey(run: Run, phase: Phase): BelfryKey {
  return {
    execution_id: run.executionId,
    attempt: run.attempt,
    scheduled_for: run.scheduledFor.toISOString(),
    trigger: run.trigger,
    payload: run.payload,
    ...(run.later && { callback: run.later(phase).callback }),
  };
}
