import type { Json } from "@belfry/contract/json.ts";
import type { BelfryKey } from "@belfry/functions/event.ts";
import { PhaseFailure } from "./phase-failure.ts";

/** The function has taken the phase on (202) and answers it later. */
export const TAKEN_ON = Symbol("taken on");

/** What a function has answered that had taken a phase on. */
export type LateAnswer = { output: Json } | { error: { message: string; retryable: boolean } };

/** One phase that its function may answer later, by a call of its own instead of the response. */
export type LatePhase = {
  /** What the function needs for that. */
  callback: NonNullable<BelfryKey["callback"]>;
  /** From the call on: `renew` is called for each sign of life, also while the connection is held. Ends with what it returns. */
  listen(renew: () => void): () => void;
  /** The answer as soon as there is one; stops looking when `signal` is aborted. `renew` is called for each sign of life. */
  wait(signal: AbortSignal, renew: () => void): Promise<LateAnswer>;
  /** Ends the waiting, also if it never began. Null if nothing was answered; from then on nothing can be. */
  close(): Promise<LateAnswer | null>;
};

/** @throws PhaseFailure FUNCTION_ERROR if the function says that it has failed. */
export function readLateAnswer(answer: LateAnswer): Json {
  if ("error" in answer) {
    const { message, retryable } = answer.error;
    throw new PhaseFailure("FUNCTION_ERROR", message, { retryable });
  }
  return answer.output;
}
