import { z } from "zod";

/** Never more than `starts` attempts begin in any `per_seconds` seconds in a row. */
export const rateLimit = z.strictObject({
  starts: z.int().min(1).max(10_000),
  per_seconds: z.int().min(1).max(86_400),
});
export type RateLimit = z.infer<typeof rateLimit>;

/** What a function or an account may do at most, in the whole cluster; null is no limit. */
export const limits = {
  /** Attempts that run at once. */
  max_concurrency: z.int().min(1).max(10_000).nullable(),
  rate_limit: rateLimit.nullable(),
};

export type Limits = { maxConcurrency: number | null; rateLimit: RateLimit | null };
