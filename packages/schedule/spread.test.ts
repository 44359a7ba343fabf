import { expect, it } from "vitest";
import type { Schedule } from "./schedule.ts";
import { startDelay } from "./spread.ts";

const MINUTE = 60_000;
const nightly: Schedule = { type: "cron", expression: "0 2 * * *", timezone: "UTC" };
const spread = (spreadMs: number): Schedule => ({ type: "restricted", of: nightly, timezone: "UTC", spreadMs });
const at = Date.parse("2026-01-01T02:00Z");

it("is the same each time, for a job and an instant", () => {
  // Written down: another process, or the next version, must come to the same.
  expect(startDelay(spread(30 * MINUTE), "job-1", at)).toBe(834_807);
  expect(startDelay(structuredClone(spread(30 * MINUTE)), "job-1", at)).toBe(834_807);
  expect(startDelay(spread(30 * MINUTE), "job-2", at)).not.toBe(834_807);
  expect(startDelay(spread(30 * MINUTE), "job-1", at + 1)).not.toBe(834_807);
});

it("is nothing without a spread, and no part of when the schedule runs", () => {
  expect(startDelay(nightly, "job-1", at)).toBe(0);
  expect(startDelay(spread(0), "job-1", at)).toBe(0);
});

it("takes each value up to the spread itself, which it never exceeds", () => {
  const delays = Array.from({ length: 200 }, (_, i) => startDelay(spread(4), `job-${i}`, at));
  expect([...new Set(delays)].sort()).toEqual([0, 1, 2, 3, 4]);
});

it.each([
  ["jobs", (i: number) => startDelay(spread(30 * MINUTE), `0197${i}-7c1a`, at)],
  ["nights of one job", (i: number) => startDelay(spread(30 * MINUTE), "job-1", at + i * 1_440 * MINUTE)],
])("is even over many %s", (_, delayOf) => {
  const counts = new Array<number>(30).fill(0);
  for (let i = 0; i < 30_000; i++) {
    const minute = Math.min(29, Math.floor(delayOf(i) / MINUTE));
    counts[minute] = (counts[minute] ?? 0) + 1;
  }
  // 1,000 each; five times the standard deviation is 155.
  expect(Math.min(...counts)).toBeGreaterThan(845);
  expect(Math.max(...counts)).toBeLessThan(1_155);
});

it("is even for a spread of weeks as well", () => {
  const month = 30 * 86_400_000;
  const delays = Array.from({ length: 10_000 }, (_, i) => startDelay(spread(month), `job-${i}`, at));
  const mean = delays.reduce((a, b) => a + b, 0) / delays.length;
  expect(mean / month).toBeGreaterThan(0.48);
  expect(mean / month).toBeLessThan(0.52);
});
