import type { ClaimedBreaker } from "@belfry/db/executions.ts";

/** What an open breaker has held back comes back within this share of the time for which it was held back … */
const SPREAD_SHARE = 0.1;
/** … and within so long, so that the function that has recovered is not overrun and nobody waits much longer than needed. */
const SPREAD_MIN_MS = 500;
const SPREAD_MAX_MS = 10_000;
/** While one execution tries, the others come back in about the time for which the breaker opens first, or this. */
const TRYING_MAX_MS = 30_000;

/** How long an execution is put off whose function's breaker is open, in milliseconds. `random` is in [0, 1). */
export function delayWhileOpen(retryInMs: number, random: () => number = Math.random): number {
  const spread = Math.min(SPREAD_MAX_MS, Math.max(SPREAD_MIN_MS, retryInMs * SPREAD_SHARE));
  return Math.ceil(Math.max(0, retryInMs) + spread * random());
}

/** The same while another execution tries whether the function has recovered. */
export function delayWhileTrying(
  { openSeconds }: Pick<ClaimedBreaker, "openSeconds">,
  random: () => number = Math.random,
): number {
  return Math.ceil(Math.min(TRYING_MAX_MS, openSeconds * 1_000) * (0.5 + 0.5 * random()));
}
