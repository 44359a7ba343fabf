import { EXECUTION_ERROR_CODES, type ExecutionErrorCode } from "@belfry/contract/errors.ts";
import { describeThrown } from "./describe-thrown.ts";
import { PhaseFailure } from "./phase-failure.ts";
import { abortSignalOf, Stop, type StopSignal } from "./stop-signal.ts";

/** Why a worker may stop a phase such that another attempt is due. */
const RETRYABLE_STOPS = new Set<ExecutionErrorCode>(["TIMEOUT", "WORKER_LOST", "WORKER_STOPPED"]);

export type Deadline = {
  /** Aborted when the phase has to stop, by the clock or by the worker. */
  stop: StopSignal;
  /** The same for those who need a real one, which is made when it is asked for. */
  signal: () => AbortSignal;
  /** What `run` gives, or a PhaseFailure as soon as the phase has to stop, whether `run` heeds the signal or not. */
  race: <T>(run: () => Promise<T>) => Promise<T>;
  /** Begins the time limit anew. Without effect once the phase has to stop. */
  renew: () => void;
  /** Ends the watch; to be called once the phase is over. */
  clear: () => void;
};

/**
 * Watches a phase: it stops after `timeoutMs` with TIMEOUT, or when `outer` is aborted, with the `code` that the
 * abort's reason carries, and CANCELLED without one.
 */
export function startDeadline(phase: string, timeoutMs: number, outer: StopSignal): Deadline {
  const stop = new Stop();
  let signal: AbortSignal | undefined;
  let giveUp: ((failure: PhaseFailure) => void) | undefined;

  const end = (failure: PhaseFailure) => {
    // First the verdict, then the signal: a function that answers from inside its abort listener comes too late.
    giveUp?.(failure);
    stop.abort(failure);
  };
  const onAbort = () => end(stopFailure(outer.reason));
  const onTimeout = () => {
    const message = `${phase} took longer than its limit of ${timeoutMs} ms`;
    end(new PhaseFailure("TIMEOUT", message, { retryable: true }));
  };
  const timer = setTimeout(onTimeout, timeoutMs);
  outer.addEventListener("abort", onAbort, { once: true });
  if (outer.aborted) onAbort();

  return {
    stop,
    signal: () => {
      signal ??= abortSignalOf(stop);
      return signal;
    },
    race<T>(run: () => Promise<T>) {
      if (stop.aborted) return Promise.reject(stop.reason as PhaseFailure);
      return new Promise<T>((resolve, reject) => {
        giveUp = reject;
        run().then(resolve, reject);
      });
    },
    renew() {
      if (!stop.aborted) timer.refresh();
    },
    clear() {
      clearTimeout(timer);
      outer.removeEventListener("abort", onAbort);
    },
  };
}

/** What a phase comes to that is stopped, or not even begun, since a signal was aborted with this reason. */
export function stopFailure(reason: unknown): PhaseFailure {
  const code = codeOf(reason);
  if (!code) return new PhaseFailure("CANCELLED", "the execution was cancelled", { retryable: false });
  return new PhaseFailure(code, describeThrown(reason), { retryable: RETRYABLE_STOPS.has(code) });
}

function codeOf(reason: unknown): ExecutionErrorCode | undefined {
  if (!(reason instanceof Error) || !("code" in reason)) return undefined;
  return EXECUTION_ERROR_CODES.find((code) => code === reason.code);
}
