import { RULES_VERSION, type Schedule } from "@belfry/schedule/schedule.ts";
import { describe, expect, it } from "vitest";
import { instantsOfRange, isComputable, type PlanSegment, plannedInstants } from "./planned-instants.ts";

const every = (everyMs: number, anchor = 0): Schedule => ({ type: "interval", everyMs, anchor });
const segment = (schedule: Schedule, first: number, upTo: number): PlanSegment => ({
  schedule,
  first,
  upTo,
  computable: true,
});

describe("planned instants", () => {
  it("are those of each segment from its first to its end, both included", () => {
    const segments = [segment(every(10), 20, 40), segment(every(100), 100, 250)];
    expect([...plannedInstants(segments)]).toEqual([20, 30, 40, 100, 200]);
  });

  it("are in order and once each where segments overlap", () => {
    const segments = [segment(every(10), 10, 60), segment(every(20), 40, 100), segment(every(15), 45, 45)];
    expect([...plannedInstants(segments)]).toEqual([10, 20, 30, 40, 45, 50, 60, 80, 100]);
  });

  it("can begin in the middle, and end with the schedule", () => {
    const once: Schedule = { type: "once", at: 70 };
    const segments = [segment(every(10), 10, 60), segment(once, 70, Number.POSITIVE_INFINITY)];
    expect([...plannedInstants(segments, 45)]).toEqual([50, 60, 70]);
    expect([...plannedInstants(segments, 71)]).toEqual([]);
  });

  it("are none where a plan ended before its first instant", () => {
    expect([...plannedInstants([segment(every(10), 20, 15), segment(every(10), 30, 30)])]).toEqual([30]);
  });
});

describe("a plan of which it is not found out how it goes on", () => {
  const cron = (expression: string): Schedule => ({ type: "cron", expression, timezone: "UTC" });
  const endless: Schedule = {
    type: "any",
    of: [
      { type: "once", at: 20 },
      { type: "all", of: [cron("* * 1-31/2 * *"), cron("* * 2-30/2 * *")] },
    ],
  };

  it("has what is found, and does not hold up the others", () => {
    const segments = [segment(endless, 20, 1_000), segment(every(100), 100, 250)];
    expect([...plannedInstants(segments)]).toEqual([20, 100, 200]);
    expect([...instantsOfRange(segments, { from: 20, until: 90 })]).toEqual([20]);
    expect(isComputable({ rulesVersion: RULES_VERSION, scheduleSpec: endless }, 20)).toBe(true);
    expect(isComputable({ rulesVersion: RULES_VERSION, scheduleSpec: endless }, 21)).toBe(false);
  });
});

describe("instants of a range", () => {
  it("are those of the plan that gave it out, not of a later one", () => {
    const segments = [segment(every(10), 10, 95), segment(every(7), 98, 200)];
    expect([...instantsOfRange(segments, { from: 50, until: 90 })]).toEqual([50, 60, 70, 80, 90]);
    expect([...instantsOfRange(segments, { from: 50, until: 90 }, 71)]).toEqual([80, 90]);
  });

  it("is its first alone if it cannot be computed any more", () => {
    const gone: PlanSegment = {
      ...segment({ type: "cron", expression: "* * * * *", timezone: "Atlantis/Capital" }, 0, 200),
      computable: false,
    };
    expect([...instantsOfRange([gone], { from: 60, until: 180 })]).toEqual([60]);
    expect([...instantsOfRange([gone], { from: 60, until: 180 }, 61)]).toEqual([]);
  });
});
