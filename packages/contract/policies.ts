import { z } from "zod";

const DAY_MS = 24 * 60 * 60 * 1000;

export const MISFIRE_POLICIES = ["skip", "run_once", "run_all"] as const;
export const OVERLAP_POLICIES = ["skip", "queue", "cancel_running", "allow"] as const;

/** What becomes of occurrences that are late, as after an outage. What is not run is recorded as `skipped` (`misfire`). */
export const misfirePolicy = z.strictObject({
  /** Of those late by more than the grace: none runs, the latest runs, or all run within the two limits. */
  policy: z.enum(MISFIRE_POLICIES).default("run_once"),
  /** An occurrence that is late by no more than this simply runs late. */
  grace_ms: z
    .int()
    .min(0)
    .max(30 * DAY_MS)
    .default(60_000),
  /** Of `run_all`: how many run at most, the latest ones. */
  max_runs: z.int().min(1).max(1_000).default(100),
  /** Of `run_all`: how late one may be at most. */
  max_age_ms: z
    .int()
    .min(0)
    .max(366 * DAY_MS)
    .default(DAY_MS),
});
export type MisfirePolicy = z.infer<typeof misfirePolicy>;

/** What becomes of an execution while others of its job are open. What is not run is recorded as `skipped` (`overlap`). */
export const overlapPolicy = z.strictObject({
  /** It is skipped, waits for its turn, takes the place of the oldest one, which is cancelled, or runs beside them. */
  policy: z.enum(OVERLAP_POLICIES).default("skip"),
  /** How many of a job may be open at once; without meaning for `allow`. */
  max_instances: z.int().min(1).max(1_000).default(1),
  /** Of `queue`: how many may wait at most. */
  max_queued: z.int().min(1).max(1_000).default(10),
});
export type OverlapPolicy = z.infer<typeof overlapPolicy>;
