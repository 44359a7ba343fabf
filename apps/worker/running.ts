import type { ExecutionErrorCode } from "@belfry/contract/errors.ts";

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
  track(executionId: string, work: (signal: AbortSignal) => Promise<void>): Promise<void>;
  has(executionId: string): boolean;
  stop(executionId: string, reason: StopReason): void;
  stopAll(reason: StopReason): void;
  /** Resolves when nothing is in hand. */
  idle(): Promise<void>;
  count(): number;
};

export function createRunning(): Running {
  // An execution is in hand twice when its message came twice: one of the two will find nothing to claim.
  const inHand = new Set<{ executionId: string; controller: AbortController }>();
  let onIdle: (() => void)[] = [];
  const of = (executionId: string) => [...inHand].filter((one) => one.executionId === executionId);
  return {
    async track(executionId, work) {
      const one = { executionId, controller: new AbortController() };
      inHand.add(one);
      try {
        await work(one.controller.signal);
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
      for (const { controller } of of(executionId)) controller.abort(reason);
    },
    stopAll(reason) {
      for (const { controller } of inHand) controller.abort(reason);
    },
    idle: () => (inHand.size === 0 ? Promise.resolve() : new Promise((resolve) => onIdle.push(resolve))),
    count: () => inHand.size,
  };
}
