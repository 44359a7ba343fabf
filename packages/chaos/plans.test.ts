import { describe, expect, it } from "vitest";
import { planCalls } from "./plan-calls.ts";
import { FAULT_KINDS, planFaults } from "./plan-faults.ts";

describe("a plan of faults", () => {
  it("follows from the seed", () => {
    expect(planFaults(7, 10, "redis", true)).toEqual(planFaults(7, 10, "redis", true));
    expect(planFaults(8, 10, "redis", true)).not.toEqual(planFaults(7, 10, "redis", true));
  });

  it("has every kind in ten minutes, more than a hundred in all, three at once at most", () => {
    const faults = planFaults(7, 10, "redis", true);
    expect(faults.length).toBeGreaterThan(100);
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(FAULT_KINDS));
    for (const { at } of faults) {
      expect(faults.filter((other) => other.at <= at && other.at + other.durationMs > at).length).toBeLessThanOrEqual(
        3,
      );
    }
  });

  it("hurts no Redis that is not there, and no clock that cannot be changed", () => {
    const kinds = planFaults(7, 10, "postgres", false).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind.startsWith("redis-") || kind === "clock-skew")).toEqual([]);
  });
});

describe("a plan of calls", () => {
  it("follows from the seed", () => {
    expect(planCalls(7, 2, 30)).toEqual(planCalls(7, 2, 30));
  });

  it("makes a job before anything else happens to it", () => {
    const created = new Set<number>();
    for (const { job, call } of planCalls(7, 2, 30)) {
      if (call.op === "create") created.add(job);
      expect(created).toContain(job);
    }
  });
});
