import { describe, expect, it } from "vitest";
import { type CalendarSchedule, type DayOfMonth, type DayRule, nextCalendar } from "./calendar.ts";
import { checkCalendar } from "./check-calendar.ts";

const DAILY: DayRule = { every: "day", interval: 1 };
const monthly = (on: DayOfMonth[], shortMonths: "last" | "skip" = "skip"): DayRule => ({
  every: "month",
  interval: 1,
  on,
  shortMonths,
});
const yearly = (months: number[], on: DayOfMonth[], shortMonths: "last" | "skip" = "skip"): DayRule => ({
  every: "year",
  interval: 1,
  months,
  on,
  shortMonths,
});
const check = (days: DayRule, times = ["09:00"], timezone = "UTC"): CalendarSchedule =>
  checkCalendar({ type: "calendar", times, days, timezone }, "words");

describe("checkCalendar", () => {
  it("spells times in one way, in order, each once", () => {
    expect(check(DAILY, ["17:30", "9:00", "09:00:00", "9:00:05"]).times).toEqual(["09:00", "09:00:05", "17:30"]);
  });

  it("sorts lists and drops doubles", () => {
    expect(check({ every: "week", interval: 1, weekdays: [5, 1, 5, 0] }).days).toMatchObject({ weekdays: [0, 1, 5] });
    expect(check(yearly([12, 3, 3], [{ day: 1 }])).days).toMatchObject({ months: [3, 12] });
    expect(
      check(
        monthly([{ nth: -1, weekday: 5 }, { day: -1 }, { nth: 1, weekday: 1 }, { day: 15 }, { day: 1 }, { day: 15 }]),
      ).days,
    ).toMatchObject({
      on: [{ day: 1 }, { day: 15 }, { day: -1 }, { nth: -1, weekday: 5 }, { nth: 1, weekday: 1 }],
    });
  });

  it("keeps `from` only where something is counted", () => {
    expect(check({ every: "day", interval: 1, from: "2026-01-31" }).days).toEqual({ every: "day", interval: 1 });
    expect(check({ every: "day", interval: 2, from: "2026-01-31" }).days).toHaveProperty("from", "2026-01-31");
  });

  it("writes the zone as the database does, and keeps the rule for changes of the offset", () => {
    const dst = { gap: "skip", fold: "both" } as const;
    expect(
      checkCalendar({ type: "calendar", times: ["09:00"], days: DAILY, timezone: "europe/rome", dst }, ""),
    ).toMatchObject({ timezone: "Europe/Rome", dst });
  });

  it("is the same when it is done again", () => {
    const once = check(yearly([3, 1], [{ day: 31 }, { nth: 2, weekday: 0 }], "last"), ["8:00"]);
    expect(checkCalendar(once, "")).toEqual(once);
  });

  it.each<[string, DayRule, string[], string]>([
    ["no time", DAILY, [], "at least one time of day is needed, for example 09:00"],
    ["24:00", DAILY, ["24:00"], 'time "24:00" must be HH:MM or HH:MM:SS, from 00:00 to 23:59:59'],
    ["9", DAILY, ["9"], 'time "9" must be HH:MM or HH:MM:SS, from 00:00 to 23:59:59'],
    [
      "no interval",
      { every: "day", interval: 0 },
      ["09:00"],
      "the interval must be a whole number of days from 1 to 1000",
    ],
    [
      "half a week",
      { every: "week", interval: 0.5, weekdays: [1] },
      ["09:00"],
      "the interval must be a whole number of weeks from 1 to 1000",
    ],
    ["no weekday", { every: "week", interval: 1, weekdays: [] }, ["09:00"], "at least one weekday is needed"],
    ["weekday 7", { every: "week", interval: 1, weekdays: [7] }, ["09:00"], "weekday 7 must be 0 to 6"],
    ["no day", monthly([]), ["09:00"], "at least one day of the month is needed"],
    ["day 32", monthly([{ day: 32 }]), ["09:00"], "day 32 must be 1 to 31, or -1 to -31 from the end of the month"],
    ["day 0", monthly([{ day: 0 }]), ["09:00"], "day 0 must be 1 to 31, or -1 to -31 from the end of the month"],
    [
      "a sixth Monday",
      monthly([{ nth: 6, weekday: 1 }]),
      ["09:00"],
      "a weekday comes 1 to 5 times in a month (-1 to -5 from its end), not 6",
    ],
    ["no month", yearly([], [{ day: 1 }]), ["09:00"], "at least one month is needed"],
    ["month 13", yearly([13], [{ day: 1 }]), ["09:00"], "month 13 must be 1 to 12"],
    ["30 February", yearly([2], [{ day: 30 }]), ["09:00"], "day 30 never comes in February"],
    ["30 February beside others", yearly([2], [{ day: 1 }, { day: 30 }]), ["09:00"], "day 30 never comes in February"],
    ["31 of short months", yearly([4, 6], [{ day: 31 }]), ["09:00"], "day 31 never comes in April and June"],
    [
      "every 12th month from February",
      { ...monthly([{ day: 30 }]), interval: 12, from: "2026-02-01" },
      ["09:00"],
      "day 30 never comes in its months",
    ],
    [
      "30 February as a beginning",
      { every: "day", interval: 2, from: "2026-02-30" },
      ["09:00"],
      '"2026-02-30" must be a date of the calendar, for example 2026-01-31',
    ],
  ])("refuses %s", (_, days, times, why) => {
    expect(() => check(days, times)).toThrow(
      expect.objectContaining({ code: "CALENDAR_INVALID", message: `schedule "words": ${why}` }),
    );
  });

  it("takes 30 February where it may be the last day", () => {
    expect(nextCalendar(check(yearly([2], [{ day: 30 }], "last")), Date.UTC(2027, 0, 1))).toBe(
      Date.UTC(2027, 1, 28, 9),
    );
  });

  it("takes what comes once in a thousand years, and finds out at once what does not", () => {
    const leapDay = { ...yearly([2], [{ day: 29 }]), interval: 1_000 };
    expect(nextCalendar(check({ ...leapDay, from: "2000-01-01" }), Date.UTC(2026, 0, 1))).toBe(
      Date.UTC(4000, 1, 29, 9),
    );
    const attempt = () => {
      const began = performance.now();
      expect(() => check({ ...leapDay, from: "2001-01-01" })).toThrow("day 29 never comes in February");
      return performance.now() - began;
    };
    expect(Math.min(...Array.from({ length: 5 }, attempt))).toBeLessThan(10);
  });

  it("refuses a zone that nobody knows", () => {
    expect(() => check(DAILY, ["09:00"], "Mars/Olympus")).toThrow('unknown time zone "Mars/Olympus"');
  });
});
