import { StopReason } from "./running.ts";

/**
 * Does `work` with a signal that follows `outer` and besides is aborted with TIMEOUT once `limitMs` have passed; null
 * is no limit. The work is waited for: it is up to it to stop.
 */
export async function limitAttempt<T>(
  limitMs: number | null,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (limitMs === null) return work(outer);
  const limit = new AbortController();
  const reason = new StopReason("TIMEOUT", `the attempt took longer than its limit of ${limitMs} ms`);
  const timer = setTimeout(() => limit.abort(reason), limitMs);
  try {
    return await work(AbortSignal.any([outer, limit.signal]));
  } finally {
    clearTimeout(timer);
  }
}
