import { Stop, type StopSignal } from "@belfry/runners/stop-signal.ts";
import { StopReason } from "./running.ts";

/**
 * Does `work` with a signal that follows `outer` and besides is aborted with TIMEOUT once `limitMs` have passed; null
 * is no limit. The work is waited for: it is up to it to stop.
 */
export async function limitAttempt<T>(
  limitMs: number | null,
  outer: StopSignal,
  work: (signal: StopSignal) => Promise<T>,
): Promise<T> {
  if (limitMs === null) return work(outer);
  const limited = new Stop();
  const reason = new StopReason("TIMEOUT", `the attempt took longer than its limit of ${limitMs} ms`);
  const timer = setTimeout(() => limited.abort(reason), limitMs);
  const follow = () => limited.abort(outer.reason);
  outer.addEventListener("abort", follow, { once: true });
  if (outer.aborted) follow();
  try {
    return await work(limited);
  } finally {
    clearTimeout(timer);
    outer.removeEventListener("abort", follow);
  }
}
