import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "./logger.ts";

/** A duty that recurs. `runOnce` does it and answers in how many milliseconds it wants to be called again, at most `everyMs`. */
export type Loop = {
  readonly name: string;
  /** When `runOnce` last came to its end, by the monotonic clock; null before the first time. */
  lastRunAt(): number | null;
  /** Runs again at once, or once more if it is running. */
  wake(): void;
  /** No further run; resolves when the one under way has ended. */
  stop(): Promise<void>;
};

export type LoopOptions = {
  name: string;
  everyMs: number;
  runOnce: (signal: AbortSignal) => Promise<number | void>;
  log: Logger;
};

/** The same failure is logged this often at most. */
const LOG_FAILURE_EVERY_MS = 5_000;

/** Starts a timer around `runOnce`. What it throws is logged, and it is tried again: a loop ends only when it is stopped. */
export function startLoop({ name, everyMs, runOnce, log }: LoopOptions): Loop {
  const stopping = new AbortController();
  let woken = new AbortController();
  let lastRun: number | null = null;
  let loggedFailureAt = Number.NEGATIVE_INFINITY;
  const running = run();

  return {
    name,
    lastRunAt: () => lastRun,
    wake: () => woken.abort(),
    async stop() {
      stopping.abort();
      await running;
    },
  };

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      woken = new AbortController();
      const wait = Math.min(everyMs, (await runGuarded()) ?? everyMs);
      if (wait > 0) {
        const either = AbortSignal.any([stopping.signal, woken.signal]);
        await sleep(wait, undefined, { signal: either }).catch(() => undefined);
      }
    }
  }

  async function runGuarded(): Promise<number | void> {
    try {
      const wait = await runOnce(stopping.signal);
      lastRun = performance.now();
      return wait;
    } catch (error) {
      if (stopping.signal.aborted) return;
      if (performance.now() - loggedFailureAt > LOG_FAILURE_EVERY_MS) {
        loggedFailureAt = performance.now();
        log.error({ err: error, loop: name }, "loop failed, trying again");
      }
      return Math.min(everyMs, 500);
    }
  }
}
