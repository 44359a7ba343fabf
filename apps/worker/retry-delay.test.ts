import { retryPolicy } from "@belfry/contract/job.ts";
import { expect, it } from "vitest";
import { retryDelay } from "./retry-delay.ts";

const delay = (policy: object, attempt: number, random = 0) =>
  retryDelay(retryPolicy.parse(policy), attempt, null, () => random);

it.each([
  // backoff, maximum, attempts that failed, and the waits after them
  [1_000, 3_600_000, [1, 2, 3, 4], [1_000, 2_000, 4_000, 8_000]],
  [1_000, 5_000, [1, 2, 3, 4, 99], [1_000, 2_000, 4_000, 5_000, 5_000]],
  [10_000, 5_000, [1, 2], [5_000, 5_000]],
  [0, 5_000, [1, 50], [0, 0]],
  [1_000, 0, [1, 2], [0, 0]],
  // 2 to the 99th is still a number.
  [86_400_000, 86_400_000, [1, 100], [86_400_000, 86_400_000]],
])("doubles %i ms up to %i ms", (backoff_ms, max_backoff_ms, attempts, waits) => {
  expect(attempts.map((attempt) => delay({ backoff_ms, max_backoff_ms }, attempt))).toEqual(waits);
});

it.each([
  [0, 0.999, 1_000],
  [0.5, 0, 1_000],
  [0.5, 0.5, 750],
  [0.5, 0.99, 505],
  [1, 0.999, 1],
])("takes a random part of up to %d of it away", (jitter, random, expected) => {
  expect(delay({ backoff_ms: 1_000, jitter }, 1, random)).toBe(expected);
});

it("spreads what failed together, and never below zero or above the wait", () => {
  const policy = retryPolicy.parse({ backoff_ms: 1_000 });
  const delays = Array.from({ length: 500 }, () => retryDelay(policy, 1, null));
  expect(new Set(delays).size).toBeGreaterThan(50);
  expect(delays.every((ms) => ms >= 500 && ms <= 1_000)).toBe(true);
});

it.each([
  // what the function asked for, and the wait
  [null, 1_000],
  [0, 1_000],
  [999, 1_000],
  [4_000, 4_000],
  [86_400_000, 86_400_000],
])("is never less than the %d ms that the function asked for, whatever the maximum", (atLeastMs, wait) => {
  const policy = retryPolicy.parse({ backoff_ms: 1_000, max_backoff_ms: 2_000, jitter: 0.5 });
  expect(retryDelay(policy, 1, atLeastMs, () => 0)).toBe(wait);
});
