import { describe, expect, it } from "vitest";
import { microsecondsEach, parseStat } from "./cpu.ts";

describe("parseStat", () => {
  it("reads parent, own time and that of ended children, whatever the process is called", () => {
    const stat = "4242 (node (x) y) S 17 4242 4242 0 -1 4194560 100 0 0 0 150 25 300 50 20 0 11 0 12345 1000 200";
    expect(parseStat(stat)).toEqual({ name: "node (x) y", parent: 17, seconds: 1.75, secondsOfEndedChildren: 3.5 });
  });
});

describe("microsecondsEach", () => {
  it("divides what was used in between by the executions", () => {
    const before = { scheduler: 1, workers: 2, postgres: 3, redis: 0 };
    const after = { scheduler: 1.1, workers: 4, postgres: 4, redis: 0 };
    const each = microsecondsEach(before, after, 10_000);
    expect(each.workers).toBe(200);
    expect(each.postgres).toBe(100);
    expect(each.scheduler).toBeCloseTo(10);
    expect(each.redis).toBe(0);
  });
});
