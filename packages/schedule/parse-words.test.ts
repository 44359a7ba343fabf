import { describe, expect, it } from "vitest";
import type { DayRule } from "./calendar.ts";
import { parseSchedule } from "./parse-schedule.ts";

/** A Wednesday. */
const created = Date.parse("2026-01-07T10:00:00Z");
const parse = (text: string) => parseSchedule(text, { timezone: "Europe/Berlin", anchor: created });

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const eachDay: DayRule = { every: "day", interval: 1 };
const weekly = (...weekdays: number[]): DayRule => ({ every: "week", interval: 1, weekdays });
const monthly = (...on: Extract<DayRule, { every: "month" }>["on"]): DayRule => ({
  every: "month",
  interval: 1,
  on,
  shortMonths: "last",
});
const christmas: DayRule = { every: "year", interval: 1, months: [12], on: [{ day: 24 }], shortMonths: "last" };

describe("words without a time of day are elapsed time, counted from creation", () => {
  it.each([
    ["every 2 hours", 2 * HOUR],
    ["Every 2 hours", 2 * HOUR],
    ["every hour", HOUR],
    ["each hour", HOUR],
    ["every other hour", 2 * HOUR],
    ["Every 15 minutes", 15 * MINUTE],
    ["every  30   seconds", 30_000],
    ["every day", DAY],
    ["every 3 days.", 3 * DAY],
    ["every week", 7 * DAY],
  ])("%s", (text, everyMs) => {
    expect(parse(text)).toEqual({ type: "interval", everyMs, anchor: created });
  });
});

describe("words with a time of day are local times", () => {
  it.each([
    ["every day at 9", eachDay, ["09:00"]],
    ["daily at 2 AM", eachDay, ["02:00"]],
    ["daily at 12 am, 12pm and 5:30 p.m.", eachDay, ["00:00", "12:00", "17:30"]],
    ["daily at noon and midnight", eachDay, ["00:00", "12:00"]],
    ["every 3 days at 9:00", { every: "day", interval: 3, from: "2026-01-07" }, ["09:00"]],
    ["weekdays at 09:00", weekly(1, 2, 3, 4, 5), ["09:00"]],
    ["every weekday at 9:00:30", weekly(1, 2, 3, 4, 5), ["09:00:30"]],
    ["weekends at 10:00", weekly(0, 6), ["10:00"]],
    ["every monday and thursday at 14:30", weekly(1, 4), ["14:30"]],
    ["Mondays, Wednesdays, and Fridays at 8", weekly(1, 3, 5), ["08:00"]],
    ["on tue at 8:00", weekly(2), ["08:00"]],
    ["weekly on sunday at 3:00", weekly(0), ["03:00"]],
    [
      "every other week on friday at 17:00",
      { every: "week", interval: 2, from: "2026-01-07", weekdays: [5] },
      ["17:00"],
    ],
    ["monthly on the 15th at 8:00", monthly({ day: 15 }), ["08:00"]],
    ["every month on the 1st and 15th at 8:00", monthly({ day: 1 }, { day: 15 }), ["08:00"]],
    ["last day of the month at 18:00", monthly({ day: -1 }), ["18:00"]],
    ["on the 31st of each month at noon", monthly({ day: 31 }), ["12:00"]],
    ["first monday of the month at 9:00", monthly({ nth: 1, weekday: 1 }), ["09:00"]],
    [
      "every second and fourth friday of the month at 9:00",
      monthly({ nth: 2, weekday: 5 }, { nth: 4, weekday: 5 }),
      ["09:00"],
    ],
    ["monthly on the last friday at 16:00", monthly({ nth: -1, weekday: 5 }), ["16:00"]],
    ["yearly on december 24 at 18:00", christmas, ["18:00"]],
    ["every year on the 24th of December at 18:00", christmas, ["18:00"]],
    ["monday to friday at 9", weekly(1, 2, 3, 4, 5), ["09:00"]],
    ["friday to monday and wednesday at 9", weekly(0, 1, 3, 5, 6), ["09:00"]],
    ["every other tuesday at 9", { every: "week", interval: 2, weekdays: [2], from: "2026-01-07" }, ["09:00"]],
    ["every 24 dec at 6 pm", christmas, ["18:00"]],
  ] as const)("%s", (text, days, times) => {
    expect(parse(text)).toEqual({ type: "calendar", times, days, timezone: "Europe/Berlin" });
  });
});

it("the last weekday of a month is what cron has for it", () => {
  const cron = (expression: string) => ({ type: "cron", expression, timezone: "Europe/Berlin" });
  expect(parse("last weekday of the month at 9")).toEqual(cron("0 9 LW * *"));
  expect(parse("monthly on the last weekday at 9 and 17:30")).toEqual({
    type: "any",
    of: [cron("0 9 LW * *"), cron("30 17 LW * *")],
  });
});

describe("what is not understood", () => {
  it.each(["evry day at 9", "sunday", "noon every day", "may 1 at 9", "quarterly on the 1st at 9", "hello"])(
    "%s is refused as words",
    (text) => {
      expect(() => parse(text)).toThrow(
        expect.objectContaining({
          code: "SCHEDULE_WORDS_UNKNOWN",
          field: "schedule",
          message: expect.stringMatching(
            /^schedule ".*" is neither a cron expression nor words that are understood, such as "every 2 hours", /,
          ),
        }),
      );
    },
  );

  it.each([
    ["* * * *", "CRON_FIELD_COUNT"],
    ["0 9 MON-FRI", "CRON_FIELD_COUNT"],
    ["* * * * * * *", "CRON_FIELD_COUNT"],
    ["1 2 3", "CRON_FIELD_COUNT"],
    ["0 9 * * mooday", "CRON_FIELD_INVALID"],
    ["0 9 1 1 mooday", "CRON_FIELD_INVALID"],
    ["TZ=Europe/Berlin hello", "CRON_FIELD_COUNT"],
  ])("%s is refused as a cron expression", (text, code) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code }));
  });

  it("a zone in front is shown as it has to be written", () => {
    expect(() => parse("Asia/Kolkata 0 9 * * *")).toThrow(
      'schedule "Asia/Kolkata 0 9 * * *": a time zone in front of the fields is written TZ=Asia/Kolkata',
    );
  });

  it("a date that no year has", () => {
    for (const text of ["yearly on february 30 at 9", "yearly:02-30:08:00"])
      expect(() => parse(text)).toThrow(expect.objectContaining({ code: "DAY_INVALID" }));
  });

  it.each([
    ["every month", "SCHEDULE_WORDS_UNKNOWN"],
    ["every blue moon at 9:00", "SCHEDULE_WORDS_UNKNOWN"],
    ["every 2 hours at 9:00", "SCHEDULE_WORDS_UNKNOWN"],
    ["every second monday at 9:00", "SCHEDULE_WORDS_UNKNOWN"], // of the month, or every other week?
  ])("%s is refused with examples", (text, code) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        code,
        message: expect.stringMatching(/^schedule ".*" is not understood; words can be "every 2 hours", /),
      }),
    );
  });

  it.each([
    ["every monday", 'schedule "every monday" needs a time of day at its end, for example "every monday at 9:00"'],
    ["every day at 25:00", 'schedule "every day at 25:00": "25:00" must be a time of day, such as 9:00, 17:30 or 2 AM'],
    ["daily at 9 and", 'schedule "daily at 9 and": "9 and" must be a time of day, such as 9:00, 17:30 or 2 AM'],
    ["daily at 13 pm", 'schedule "daily at 13 pm": "13 pm" must be a time of day, such as 9:00, 17:30 or 2 AM'],
  ])("%s", (text, message) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: "TIME_INVALID", field: "schedule", message }));
  });

  it("every 0 hours, and every 2000 days", () => {
    expect(() => parse("every 0 hours")).toThrow('parse duration "0h": invalid, must be at least 1s');
    expect(() => parse("every 2000 days at 9:00")).toThrow(
      'schedule "every 2000 days at 9:00": the interval must be a whole number of days from 1 to 1000',
    );
  });
});
