import { describe, expect, it } from "vitest";
import type { CallRecord } from "./history.ts";
import { instantsBetween } from "./instants.ts";
import { isApplied } from "./oracle.ts";

const T = Date.UTC(2026, 5, 1, 12, 0, 0);
const seconds = (instants: number[]): number[] => instants.map((at) => (at - T) / 1_000);

describe("the second implementation", () => {
  it("counts intervals from any of their instants", () => {
    const schedule = { text: "@every 2s", timezone: "UTC", anchor: T + 500 };
    expect(seconds(instantsBetween(schedule, T, T + 5_000))).toEqual([0.5, 2.5, 4.5]);
    expect(seconds(instantsBetween(schedule, T + 500, T + 2_500))).toEqual([2.5]);
  });

  it.each([
    ["* * * * * *", "UTC", [1, 2, 3]],
    ["*/2 * * * * *", "Asia/Kathmandu", [2]],
    ["1-59/3 * * * * *", "America/New_York", [1]],
    ["45 17 * * *", "Asia/Kathmandu", []],
  ])("reads %s in %s", (text, timezone, expected) => {
    expect(seconds(instantsBetween({ text, timezone, anchor: null }, T, T + 3_000))).toEqual(expected);
  });

  it("finds what lies in the very second of the beginning", () => {
    const schedule = { text: "* * * * * *", timezone: "UTC", anchor: null };
    expect(seconds(instantsBetween(schedule, T - 1, T))).toEqual([0]);
    expect(seconds(instantsBetween(schedule, T + 999, T + 1_000))).toEqual([1]);
    expect(instantsBetween(schedule, T, T + 999)).toEqual([]);
  });

  it("knows an instant", () => {
    const schedule = { text: new Date(T).toISOString(), timezone: "UTC", anchor: null };
    expect(instantsBetween(schedule, T - 1, T)).toEqual([T]);
    expect(instantsBetween(schedule, T, T + 1)).toEqual([]);
  });
});

describe("a call", () => {
  const completed = {
    id: "",
    status: "completed",
    enabled: true,
    next_run: null,
    created_at: "",
    updated_at: "",
  } as const;
  const resume = {
    job: 1,
    call: { op: "resume" },
    invokedAt: T,
    settledAt: T + 1,
    returnedAt: T + 2,
    answer: completed,
  } as const;
  const applied = (fields: Pick<CallRecord, "status" | "unknownTries">): boolean =>
    isApplied({ ...resume, executionId: null, ...fields });

  it("was made if it was answered so, or if an earlier try of it must have been", () => {
    expect(applied({ status: 200, unknownTries: 0 })).toBe(true);
    expect(applied({ status: 409, unknownTries: 0 })).toBe(false);
    expect(applied({ status: 409, unknownTries: 5 })).toBe(true);
    expect(isApplied({ ...resume, call: { op: "pause" }, executionId: null, status: 409, unknownTries: 5 })).toBe(
      false,
    );
  });
});
