import type { ExecutionErrorCode } from "@belfry/contract/errors.ts";
import { Stop, type StopSignal } from "@belfry/runners/stop-signal.ts";

/** Why a run is stopped from outside; `code` becomes the code of its error. */
export class StopReason extends Error {
  readonly code: ExecutionErrorCode;

  constructor(code: ExecutionErrorCode, message: string) {
    super(message);
    this.name = "StopReason";
    this.code = code;
  }
}

/** What this worker has in hand at the moment, from the claim to the verdict, and how to stop it. */
export type Running = {
  /** Does `work` for an execution with a signal of its own. */
  track(executionId: string, work: (signal: StopSignal) => Promise<void>): Promise<void>;
  has(executionId: string): boolean;
  stop(executionId: string, reason: StopReason): void;
  stopAll(reason: StopReason): void;
  /** Resolves when nothing is in hand. */
  idle(): Promise<void>;
  count(): number;
};

export function createRunning(): Running {
  // An execution is in hand twice when its message came twice: one of the two will find nothing to claim.
  const inHand = new Set<{ executionId: string; stop: Stop }>();
  let onIdle: (() => void)[] = [];
  const of = (executionId: string) => [...inHand].filter((one) => one.executionId === executionId);
  return {
    async track(executionId, work) {
      const one = { executionId, stop: new Stop() };
      inHand.add(one);
      try {
        await work(one.stop);
      } finally {
        inHand.delete(one);
        if (inHand.size === 0) {
          for (const resolve of onIdle) resolve();
          onIdle = [];
        }
      }
    },
    has: (executionId) => of(executionId).length > 0,
    stop(executionId, reason) {
      for (const { stop } of of(executionId)) stop.abort(reason);
    },
    stopAll(reason) {
      for (const { stop } of inHand) stop.abort(reason);
    },
    idle: () => (inHand.size === 0 ? Promise.resolve() : new Promise((resolve) => onIdle.push(resolve))),
    count: () => inHand.size,
  };
}
