import { describe, expect, it } from "vitest";
import { type Options, readOptions, UsageError } from "./options.ts";
import { planCalls } from "./plan-calls.ts";
import { FAULT_KINDS, planFaults } from "./plan-faults.ts";

const options = (...args: string[]): Options => readOptions(args) as Options;
const REDIS = { backend: "redis", hasFaketime: true } as const;

describe("a plan of faults", () => {
  it("follows from the seed", () => {
    expect(planFaults(7, 10, REDIS)).toEqual(planFaults(7, 10, REDIS));
    expect(planFaults(8, 10, REDIS)).not.toEqual(planFaults(7, 10, REDIS));
  });

  it("has every kind in ten minutes, more than a hundred in all, three at once at most", () => {
    const faults = planFaults(7, 10, REDIS);
    expect(faults.length).toBeGreaterThan(100);
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(FAULT_KINDS));
    for (const { at } of faults) {
      expect(faults.filter((other) => other.at <= at && other.at + other.durationMs > at).length).toBeLessThanOrEqual(
        3,
      );
    }
  });

  it("hurts no Redis that is not there, and no clock that cannot be changed", () => {
    const kinds = planFaults(7, 10, { backend: "postgres", hasFaketime: false }).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind.startsWith("redis-") || kind === "clock-skew")).toEqual([]);
  });
});

describe("the options", () => {
  it("name the kinds of faults", () => {
    expect(options("--only", "redis-flush", "--only", "worker-kill").only).toEqual(["redis-flush", "worker-kill"]);
    expect(options("--only", "none").only).toEqual([]);
    expect(() => readOptions(["--only", "earthquake"])).toThrow(UsageError);
  });

  it.each([
    ["--minutes", "0"],
    ["--seed", "x"],
    ["--rate", ""],
    ["--backend", "kafka"],
    ["--workers", "1.5"],
    ["--fast"],
  ])("refuse %s %s", (...args) => {
    expect(() => readOptions(args)).toThrow(UsageError);
  });

  it("have defaults, among them a seed of chance", () => {
    expect(options("--backend", "both")).toMatchObject({
      minutes: 2,
      backends: ["redis", "postgres"],
      schedulers: 3,
      workers: 3,
      only: null,
    });
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
