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

/** What this worker runs at the moment, and how to stop it. */
export type Running = {
  /** Runs `work` with a signal of its own under the execution's id. */
  track(executionId: string, work: (signal: AbortSignal) => Promise<void>): Promise<void>;
  stop(executionId: string, reason: StopReason): void;
  stopAll(reason: StopReason): void;
  /** Resolves when nothing runs. */
  idle(): Promise<void>;
  count(): number;
};

export function createRunning(): Running {
  const running = new Map<string, AbortController>();
  let onIdle: (() => void)[] = [];
  return {
    async track(executionId, work) {
      const controller = new AbortController();
      running.set(executionId, controller);
      try {
        await work(controller.signal);
      } finally {
        // A later attempt of the same execution may have taken the place.
        if (running.get(executionId) === controller) running.delete(executionId);
        if (running.size === 0) {
          for (const resolve of onIdle) resolve();
          onIdle = [];
        }
      }
    },
    stop: (executionId, reason) => running.get(executionId)?.abort(reason),
    stopAll(reason) {
      for (const controller of running.values()) controller.abort(reason);
    },
    idle: () => (running.size === 0 ? Promise.resolve() : new Promise((resolve) => onIdle.push(resolve))),
    count: () => running.size,
  };
}
