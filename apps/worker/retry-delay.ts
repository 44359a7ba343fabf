import type { RetryPolicy } from "@belfry/contract/job.ts";

/**
 * How long to wait after a failed attempt, in milliseconds: doubled with each, up to the maximum, less a random part
 * so that what failed together does not come back together. What the function asked for itself (`atLeastMs`) is a lower
 * bound, above the maximum too. `random` is in [0, 1).
 */
export function retryDelay(
  policy: RetryPolicy,
  attempt: number,
  atLeastMs: number | null,
  random: () => number = Math.random,
): number {
  const exponential = Math.min(policy.backoff_ms * 2 ** (attempt - 1), policy.max_backoff_ms);
  return Math.max(Math.round(exponential * (1 - policy.jitter * random())), atLeastMs ?? 0);
}
