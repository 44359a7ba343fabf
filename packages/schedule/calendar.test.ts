import { describe, expect, it } from "vitest";
import { type CalendarSchedule, type DayRule, describeCalendar, nextCalendar } from "./calendar.ts";

const at = (days: DayRule, ...times: string[]): CalendarSchedule => ({
  type: "calendar",
  times: times.length === 0 ? ["09:00"] : times,
  days,
  timezone: "UTC",
});

/** The next dates after one, or with their times if there are several a day. */
function next(schedule: CalendarSchedule, after: string, count: number): string[] {
  const found: string[] = [];
  let instant = Date.parse(after);
  while (found.length < count) {
    instant = nextCalendar(schedule, instant) ?? Number.NaN;
    found.push(new Date(instant).toISOString().slice(0, schedule.times.length > 1 ? 16 : 10));
  }
  return found;
}

describe("what is counted", () => {
  it("counts days, from the civil epoch if from nowhere else", () => {
    const every3 = { every: "day", interval: 3 } as const;
    expect(next(at(every3), "1970-01-01T00:00Z", 3)).toEqual(["1970-01-01", "1970-01-04", "1970-01-07"]);
    expect(next(at({ ...every3, from: "2026-02-27" }), "2026-02-27T00:00Z", 3)).toEqual([
      "2026-02-27",
      "2026-03-02",
      "2026-03-05",
    ]);
  });

  it("counts weeks that begin on Monday: the whole week of `from` is one of them", () => {
    const weeks = { every: "week", interval: 2, weekdays: [0, 1] } as const;
    const schedule = at({ ...weeks, weekdays: [...weeks.weekdays], from: "2026-11-20" }); // a Friday
    expect(next(schedule, "2026-11-01T12:00Z", 4)).toEqual(["2026-11-02", "2026-11-08", "2026-11-16", "2026-11-22"]);
  });

  it("counts months and years, whatever the day of `from`", () => {
    const on = [{ day: 15 }];
    const quarterly = at({ every: "month", interval: 3, from: "2026-01-31", on, shortMonths: "skip" });
    expect(next(quarterly, "2025-12-31T00:00Z", 3)).toEqual(["2026-01-15", "2026-04-15", "2026-07-15"]);
    const leapYears = at({ every: "year", interval: 4, from: "2024-12-31", months: [1, 6], on, shortMonths: "skip" });
    expect(next(leapYears, "2024-02-01T00:00Z", 3)).toEqual(["2024-06-15", "2028-01-15", "2028-06-15"]);
  });

  it("counts backwards from `from` too, which is no beginning", () => {
    expect(next(at({ every: "day", interval: 10, from: "2026-01-31" }), "2026-01-01T12:00Z", 3)).toEqual([
      "2026-01-11",
      "2026-01-21",
      "2026-01-31",
    ]);
  });
});

describe("short months", () => {
  const monthly = (shortMonths: "last" | "skip", ...days: number[]) =>
    at({ every: "month", interval: 1, on: days.map((day) => ({ day })), shortMonths });

  it("day 31 is the last day there, or does not come", () => {
    expect(next(monthly("last", 31), "2026-01-01T00:00Z", 4)).toEqual([
      "2026-01-31",
      "2026-02-28",
      "2026-03-31",
      "2026-04-30",
    ]);
    expect(next(monthly("skip", 31), "2026-01-01T00:00Z", 3)).toEqual(["2026-01-31", "2026-03-31", "2026-05-31"]);
  });

  it("30 and 31 are one day in February and in April", () => {
    expect(next(monthly("last", 30, 31), "2026-02-01T00:00Z", 4)).toEqual([
      "2026-02-28",
      "2026-03-30",
      "2026-03-31",
      "2026-04-30",
    ]);
  });

  it("counted from the end it is the first day", () => {
    expect(next(monthly("last", -31), "2026-01-31T00:00Z", 2)).toEqual(["2026-02-01", "2026-03-01"]);
    expect(next(monthly("skip", -31), "2026-01-31T00:00Z", 2)).toEqual(["2026-03-01", "2026-05-01"]);
  });
});

it("runs at several times of a day", () => {
  expect(next(at({ every: "day", interval: 1 }, "09:00", "17:30"), "2026-01-01T09:00Z", 3)).toEqual([
    "2026-01-01T17:30",
    "2026-01-02T09:00",
    "2026-01-02T17:30",
  ]);
});

it("ends with the year 9999", () => {
  expect(nextCalendar(at({ every: "day", interval: 1 }), Date.parse("9999-12-31T08:59Z"))).not.toBeNull();
  expect(nextCalendar(at({ every: "day", interval: 1 }), Date.parse("9999-12-31T09:00Z"))).toBeNull();
});

it.each<[string, DayRule]>([
  ["every day", { every: "day", interval: 1 }],
  ["every 3 days, counted from 2026-01-31", { every: "day", interval: 3, from: "2026-01-31" }],
  ["Monday to Friday", { every: "week", interval: 1, weekdays: [1, 2, 3, 4, 5] }],
  ["every Sunday", { every: "week", interval: 1, weekdays: [0] }],
  ["Saturday and Sunday", { every: "week", interval: 1, weekdays: [0, 6] }],
  ["every 2 weeks on Monday and Thursday", { every: "week", interval: 2, weekdays: [1, 4] }],
  [
    "on the 1st and 15th of every month",
    { every: "month", interval: 1, on: [{ day: 1 }, { day: 15 }], shortMonths: "last" },
  ],
  [
    "on the 31st (or the last day of a shorter month) of every 3 months",
    { every: "month", interval: 3, on: [{ day: 31 }], shortMonths: "last" },
  ],
  ["on the last day of every month", { every: "month", interval: 1, on: [{ day: -1 }], shortMonths: "skip" }],
  [
    "on the second Monday and last Friday of every month",
    {
      every: "month",
      interval: 1,
      on: [
        { nth: 2, weekday: 1 },
        { nth: -1, weekday: 5 },
      ],
      shortMonths: "skip",
    },
  ],
  ["on the 24th of December", { every: "year", interval: 1, months: [12], on: [{ day: 24 }], shortMonths: "last" }],
  [
    "on the 1st of January to March and July, every 2 years",
    { every: "year", interval: 2, months: [1, 2, 3, 7], on: [{ day: 1 }], shortMonths: "last" },
  ],
])("is described: %s", (words, days) => {
  expect(describeCalendar(at(days))).toBe(`At 09:00, ${words}, UTC`);
});
