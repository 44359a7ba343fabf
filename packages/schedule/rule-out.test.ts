import { describe, expect, it } from "vitest";
import { nextRun } from "./next-run.ts";
import type { RestrictedSchedule } from "./restricted.ts";
import { ruleOut } from "./rule-out.ts";
import type { Schedule } from "./schedule.ts";
import { startSearch } from "./search.ts";

/*
 * Schedules that meet so seldom that the search rules out what lies between: what is rare must not be taken for impossible.
 */
const NEW_YORK = "America/New_York";
const SECOND = 1_000;
const DAY = 86_400 * SECOND;

const cron = (expression: string, rule: object = {}): Schedule => ({
  type: "cron",
  expression,
  timezone: NEW_YORK,
  ...rule,
});
const utc = (expression: string): Schedule => ({ type: "cron", expression, timezone: "UTC" });
const interval = (everyMs: number, anchor = 0): Schedule => ({ type: "interval", everyMs, anchor });
const all = (...of: Schedule[]): Schedule => ({ type: "all", of });
const any = (...of: Schedule[]): Schedule => ({ type: "any", of });
const except = (...of: Schedule[]): Schedule => ({ type: "except", of });
const restricted = (of: Schedule, rules: Partial<RestrictedSchedule>): Schedule => ({
  type: "restricted",
  of,
  timezone: "UTC",
  ...rules,
});

const next = (schedule: Schedule, after: string): string | null => {
  const at = nextRun(schedule, Date.parse(after));
  return at === null ? null : new Date(at).toISOString();
};
const instant = (text: string): string => new Date(text).toISOString();

describe("a change of the clocks", () => {
  it("lets local times meet that otherwise do not: half past two and three, at the end of the gap", () => {
    const both = all(cron("30 2 * * *"), cron("0 3 * * *"));
    expect(next(both, "2026-03-09T00:00Z")).toBe(instant("2027-03-14T03:00-04:00"));
    const daily: Schedule = {
      type: "calendar",
      times: ["02:30"],
      days: { every: "day", interval: 1 },
      timezone: NEW_YORK,
    };
    expect(next(all(daily, cron("0 3 * * *")), "2026-03-09T00:00Z")).toBe(instant("2027-03-14T03:00-04:00"));
  });

  it("or an hour later, if what the gap swallows is shifted by its length", () => {
    const both = all(cron("30 2 * * *", { dst: { gap: "shift", fold: "first" } }), cron("30 3 * * *"));
    expect(next(both, "2026-03-09T00:00Z")).toBe(instant("2027-03-14T03:30-04:00"));
  });

  it("and never, if it is left out", () => {
    const skip = { dst: { gap: "skip", fold: "first" } };
    expect(next(all(cron("30 2 * * *", skip), cron("0 3 * * *", skip)), "2026-03-09T00:00Z")).toBeNull();
  });

  it("leaves over the pass in which fixed times do not run", () => {
    const halfHours = cron("*/30 * * * *");
    const fixed = (rule: object) => cron("0,30 0-23 * * *", rule);
    const first = except(halfHours, fixed({}));
    expect(next(first, "2025-11-03T00:00Z")).toBe(instant("2026-11-01T01:00-05:00"));
    const last = except(halfHours, fixed({ dst: { gap: "next", fold: "last" } }));
    expect(next(last, "2025-11-03T00:00Z")).toBe(instant("2026-11-01T01:00-04:00"));
    expect(next(except(halfHours, fixed({ dst: { gap: "next", fold: "both" } })), "2025-11-03T00:00Z")).toBeNull();
  });
});

describe("what is taken away for a while", () => {
  it("by weekdays comes back on the others", () => {
    const workdays = restricted(utc("* * * * *"), { weekdays: [1, 2, 3, 4, 5, 6] });
    expect(next(except(utc("* * * * *"), workdays), "2026-01-05T00:00Z")).toBe(instant("2026-01-11T00:00Z"));
  });

  it("comes back between the end of one and the beginning of another", () => {
    const early = restricted(utc("* * * * * *"), { end: Date.parse("2026-06-01T00:00Z") });
    const late = interval(SECOND, Date.parse("2026-09-01T00:00Z"));
    expect(next(except(utc("* * * * * *"), early, late), "2026-01-01T00:00Z")).toBe(instant("2026-06-01T00:00Z"));
  });

  it("by the night of a Friday is not taken away in the night before", () => {
    const untilFriday = restricted(utc("* * * * *"), { end: Date.parse("2026-01-02T00:00Z") });
    const fridayNight = restricted(utc("* * * * *"), { windows: [{ from: 79_200, to: 14_400 }], weekdays: [5] });
    const left = except(utc("* * * * *"), untilFriday, fridayNight);
    expect(next(left, "2026-01-01T12:00Z")).toBe(instant("2026-01-02T00:00Z"));
    expect(next(left, "2026-01-02T21:59Z")).toBe(instant("2026-01-03T04:00Z"));
  });

  it("on other milliseconds is not taken away", () => {
    const left = except(any(interval(SECOND, 500), interval(2 * SECOND)), interval(SECOND));
    expect(nextRun(left, 60_000)).toBe(60_500);
    const rare = except(any(interval(SECOND), interval(DAY, 500)), interval(SECOND));
    expect(nextRun(rare, 60_000)).toBe(DAY + 500);
  });
});

describe("an interval", () => {
  it("that is moved by days keeps its local time, and so leaves its times in UTC", () => {
    // 12:00Z is 07:00 on Saturday 7 March 2026 in New York; there, 07:00 on Monday is 11:00Z.
    const moved = restricted(interval(DAY, Date.parse("2020-01-01T12:00Z")), {
      timezone: NEW_YORK,
      weekdays: [1],
      move: "next",
    });
    expect(next(all(moved, utc("0 11 * * *")), "2025-03-11T00:00Z")).toBe(instant("2026-03-09T11:00Z"));
  });

  it("beside others of other milliseconds can still be the one", () => {
    const either = any(interval(60 * SECOND, 500), interval(7_201 * SECOND));
    expect(next(all(either, utc("0 9 * * *")), "2035-01-01T00:00Z")).toBe(instant("2036-07-16T09:00Z"));
  });
});

it("rules out what is left of the half year, and nothing where something may be", () => {
  const from = Date.parse("2026-01-01T00:00Z");
  const until = (schedule: Schedule) => ruleOut(schedule, from, startSearch(from, nextRun)) - from;
  expect(until(all(utc("0 9 * * *"), utc("0 10 * * *")))).toBe(Infinity);
  expect(until(all(utc("0 9 * * 1"), utc("0 9 * * 2")))).toBe(9 * 3_600 * SECOND);
  expect(until(restricted(utc("* * * * * *"), { windows: [{ from: 7_200, to: 14_400 }] }))).toBe(7_200 * SECOND);
  expect(until(interval(3_600 * SECOND, 1_500))).toBe(1_500);
  expect(until({ type: "once", at: from + DAY })).toBe(0);
});
