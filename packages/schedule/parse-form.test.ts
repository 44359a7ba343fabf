import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";
import { describe, expect, it } from "vitest";
import { nextRun } from "./next-run.ts";
import { parseSchedule } from "./parse-schedule.ts";

const created = Date.parse("2026-01-07T10:00:00Z");
const calendars = (name: string) => (name === "holidays" ? { dates: ["2026-12-25", "2026-01-01"] } : undefined);
const parse = (input: unknown) =>
  parseSchedule(input as ScheduleInput, { timezone: "Europe/Berlin", anchor: created, calendars, seed: "a job" });

const calendar = (days: object, ...times: string[]) => ({ type: "calendar", times, days, timezone: "Europe/Berlin" });
const month = (on: object[], rest: object = {}) => ({ every: "month", interval: 1, on, shortMonths: "last", ...rest });
const year = (months: number[], on: object[]) => ({ every: "year", interval: 1, months, on, shortMonths: "last" });

const nineDaily = calendar({ every: "day", interval: 1 }, "09:00");
const nine = { type: "daily", time: "09:00" };

describe("objects", () => {
  it.each([
    [
      { type: "interval", value: "PT2H" },
      { type: "interval", everyMs: 7_200_000, anchor: created },
    ],
    [
      { type: "instants", values: ["2026-03-01T09:00:00Z", "2026-02-01T10:00:00+01:00", "2026-03-01T10:00:00+01:00"] },
      { type: "instants", at: [Date.parse("2026-02-01T09:00:00Z"), Date.parse("2026-03-01T09:00:00Z")] },
    ],
    [nine, nineDaily],
    [{ type: "daily", times: ["17:00", "9 AM"] }, calendar({ every: "day", interval: 1 }, "09:00", "17:00")],
    [{ ...nine, every: 3 }, calendar({ every: "day", interval: 3, from: "2026-01-07" }, "09:00")],
    [{ ...nine, every: 3, from: "2026-02-01" }, calendar({ every: "day", interval: 3, from: "2026-02-01" }, "09:00")],
    [
      { type: "weekly", days: ["Monday", "wed", 5, 7], time: "14:30" },
      calendar({ every: "week", interval: 1, weekdays: [0, 1, 3, 5] }, "14:30"),
    ],
    [{ type: "monthly", day: 31, time: "8:00" }, calendar(month([{ day: 31 }]), "08:00")],
    [
      { type: "monthly", days: [1, 15, "last"], time: "8:00", short_months: "skip", every: 2 },
      calendar(
        month([{ day: 1 }, { day: 15 }, { day: -1 }], { interval: 2, from: "2026-01-07", shortMonths: "skip" }),
        "08:00",
      ),
    ],
    [
      { type: "monthly", nth: "first", weekday: "monday", time: "9:00" },
      calendar(month([{ nth: 1, weekday: 1 }]), "09:00"),
    ],
    [
      { type: "monthly", nth: [1, 3], weekday: ["sat", "sun"], time: "9:00" },
      calendar(month([1, 3].flatMap((nth) => [0, 6].map((weekday) => ({ nth, weekday })))), "09:00"),
    ],
    [{ type: "yearly", date: "12-24", time: "18:00" }, calendar(year([12], [{ day: 24 }]), "18:00")],
    [
      { type: "yearly", dates: ["12-24", "01-01"], time: "18:00" },
      { type: "any", of: [calendar(year([12], [{ day: 24 }]), "18:00"), calendar(year([1], [{ day: 1 }]), "18:00")] },
    ],
    [
      { type: "yearly", months: ["march", "Sep"], nth: -1, weekday: "sunday", time: "1:00" },
      calendar(year([3, 9], [{ nth: -1, weekday: 0 }]), "01:00"),
    ],
    [
      { type: "rrule", value: "FREQ=DAILY", start: "2026-02-01T09:00:00" },
      { type: "rrule", rule: "RRULE:FREQ=DAILY", start: "2026-02-01T09:00:00", timezone: "Europe/Berlin" },
    ],
    [
      { ...nine, timezone: "asia/tokyo" },
      { ...nineDaily, timezone: "Asia/Tokyo" },
    ],
  ])("%j", (input, schedule) => {
    expect(parse(input)).toEqual(schedule);
  });

  it("carry the job's rule for changes of the offset where they have local times", () => {
    const dst = { gap: "skip", fold: "both" } as const;
    const read = (input: ScheduleInput) => parseSchedule(input, { timezone: "Europe/Berlin", anchor: created, dst });
    for (const input of ["0 9 * * *", "daily:09:00", "every day at 9", "@daily"])
      expect(read(input)).toMatchObject({ dst });
    for (const input of ["@every 1h", "RRULE:FREQ=DAILY"]) expect(read(input)).not.toHaveProperty("dst");
  });

  it("an interval has its first run at its start, or one interval after the creation", () => {
    const start = Date.parse("2026-01-01T09:00:00Z");
    expect(parse({ type: "interval", value: "2h", start: "2026-01-01T09:00:00Z" })).toEqual({
      type: "interval",
      everyMs: 7_200_000,
      anchor: start - 7_200_000,
    });
  });
});

describe("any, all and except", () => {
  it("are made of all other forms, each in its own zone if it names one", () => {
    const input = {
      type: "except",
      timezone: "Asia/Tokyo",
      of: ["daily:09:00", { type: "any", of: ["0 9 * * 1", { ...nine, timezone: "UTC" }] }],
    };
    expect(parse(input)).toEqual({
      type: "except",
      of: [
        { ...nineDaily, timezone: "Asia/Tokyo" },
        {
          type: "any",
          of: [
            { type: "cron", expression: "0 9 * * 1", timezone: "Asia/Tokyo" },
            { ...nineDaily, timezone: "UTC" },
          ],
        },
      ],
    });
  });

  const nested = (depth: number): object | string => (depth === 0 ? "daily" : { type: "any", of: [nested(depth - 1)] });

  it("may be 5 levels deep and have 20 parts", () => {
    expect(() => parse(nested(5))).not.toThrow();
    expect(() => parse({ type: "any", of: Array(20).fill("daily") })).not.toThrow();
  });

  it.each([
    [
      "6 levels",
      nested(6),
      "SCHEDULE_TOO_LARGE",
      `schedule${".of[0]".repeat(5)} must not be nested deeper than 5 levels`,
    ],
    ["100,000 levels", deeplyNested(), "SCHEDULE_FORM_INVALID", "schedule.of must not be nested deeper than 5 levels"],
    [
      "21 parts",
      {
        type: "any",
        of: [
          { type: "any", of: Array(11).fill("daily") },
          { type: "any", of: Array(10).fill("daily") },
        ],
      },
      "SCHEDULE_TOO_LARGE",
      "schedule must not have more than 20 parts",
    ],
    [
      "21 dates",
      { type: "any", of: [{ type: "yearly", dates: Array(20).fill("12-24"), time: "9" }, "daily"] },
      "SCHEDULE_TOO_LARGE",
      "schedule must not have more than 20 parts",
    ],
  ])("%s are too many", (_, input, code, message) => {
    expect(() => parse(input)).toThrow(expect.objectContaining({ code, message }));
  });
});

/** Deeper than the stack: made from the inside. */
function deeplyNested(): object {
  let input: object | string = "daily";
  for (let depth = 0; depth < 100_000; depth++) input = { type: "any", of: [input] };
  return input as object;
}

describe("bounds and exceptions", () => {
  it("go round any form", () => {
    expect(
      parse({
        ...nine,
        start: "2026-02-01T00:00:00+01:00",
        end: "2027-01-01T00:00:00Z",
        exclude_dates: ["2026-12-24", "2026-05-01", "2026-12-24"],
        weekdays: ["Mon", 7],
        windows: ["22:00-06:00", "12:00-24:00"],
        calendars: { exclude: ["holidays"] },
        move: "next",
        jitter: "5m",
      }),
    ).toEqual({
      type: "restricted",
      of: nineDaily,
      timezone: "Europe/Berlin",
      start: Date.parse("2026-01-31T23:00:00Z"),
      end: Date.parse("2027-01-01T00:00:00Z"),
      excludeDates: ["2026-05-01", "2026-12-24"],
      weekdays: [0, 1],
      windows: [
        { from: 22 * 3600, to: 6 * 3600 },
        { from: 12 * 3600, to: 86_400 },
      ],
      calendars: [{ name: "holidays", mode: "exclude", dates: ["2026-01-01", "2026-12-25"] }],
      move: "next",
      spreadMs: 300_000,
    });
  });

  it("name several days of the week at once, as the short form does", () => {
    const parse = (input: ScheduleInput) => parseSchedule(input, { timezone: "UTC", anchor: 0 });
    const workdays = parse({ type: "weekly", days: ["mon", "tue", "wed", "thu", "fri"], time: "09:00" });
    expect(parse({ type: "weekly", days: ["weekdays"], time: "09:00" })).toEqual(workdays);
    expect(parse("weekly:mon-fri:09:00")).toEqual(workdays);
    expect(parse({ type: "interval", value: "every 2 hours" })).toEqual(parse("2h"));
  });

  it("move what falls on days of the week that are left out", () => {
    const lastDay: ScheduleInput = {
      type: "monthly",
      day: "last",
      time: "18:00",
      weekdays: ["mon-fri"],
      move: "previous",
    };
    const schedule = parseSchedule(lastDay, { timezone: "UTC", anchor: 0 });
    // 31 May 2026 is a Sunday.
    expect(new Date(nextRun(schedule, Date.parse("2026-05-02T00:00Z")) ?? 0).toISOString()).toBe(
      "2026-05-29T18:00:00.000Z",
    );
  });

  it("are meant in the zone that the schedule itself names", () => {
    const input = { type: "cron", value: "TZ=Asia/Tokyo */5 * * * *", windows: "02:00-04:00" };
    expect(parse(input)).toMatchObject({ type: "restricted", timezone: "Asia/Tokyo", of: { timezone: "Asia/Tokyo" } });
  });

  it("leave a schedule without any as it is", () => {
    expect(parse({ ...nine, exclude_dates: [] })).toEqual(nineDaily);
  });
});

describe("schedule_type, schedule_time and schedule_config", () => {
  it.each([
    [{ schedule_type: "daily", schedule_time: "09:00" }, nineDaily],
    [
      { schedule_type: "daily", schedule_time: "09:00", schedule_config: { timezone: "UTC" } },
      { ...nineDaily, timezone: "UTC" },
    ],
    [
      { schedule_type: "weekly", schedule_time: "14:30", schedule_config: { days: ["Monday", "Wednesday", "Friday"] } },
      calendar({ every: "week", interval: 1, weekdays: [1, 3, 5] }, "14:30"),
    ],
    [{ schedule_type: "monthly", schedule_time: "08:00" }, calendar(month([{ day: 1 }]), "08:00")],
    [
      { schedule_type: "monthly", schedule_time: "08:00", schedule_config: { day_of_month: [1, 15] } },
      calendar(month([{ day: 1 }, { day: 15 }]), "08:00"),
    ],
    [
      { schedule_type: "custom", schedule_time: "Every 2 hours" },
      { type: "interval", everyMs: 7_200_000, anchor: created },
    ],
    [
      { schedule_type: "custom", schedule_time: "09:00", schedule_config: { customInterval: "Every 3 days" } },
      calendar({ every: "day", interval: 3, from: "2026-01-07" }, "09:00"),
    ],
    [
      { schedule_type: "custom", schedule_config: { customInterval: "0 9 * * 1-5", timezone: "UTC" } },
      { type: "cron", expression: "0 9 * * 1-5", timezone: "UTC" },
    ],
  ])("%j", (input, schedule) => {
    expect(parse(input)).toEqual(schedule);
  });
});

describe("refusals name the field and say what it may hold", () => {
  it.each([
    [null, "schedule", "schedule must be a string or an object"],
    [[], "schedule", "schedule must be a string or an object"],
    [
      {},
      "schedule.type",
      "schedule.type is required: it must be one of cron, interval, once, instants, daily, weekly, monthly, yearly, rrule, any, all, except",
    ],
    [
      { type: "hourly" },
      "schedule.type",
      "schedule.type must be one of cron, interval, once, instants, daily, weekly, monthly, yearly, rrule, any, all, except",
    ],
    [{ type: "cron" }, "schedule.value", "schedule.value is required: it must be of type string"],
    [{ ...nine, tiem: "9:00" }, "schedule.tiem", "schedule.tiem is not a field of this form"],
    [{ ...nine, every: 0 }, "schedule.every", "schedule.every must be at least 1"],
    [
      { ...nine, from: "2026-01-01" },
      "schedule.from",
      "schedule.from says which days count when every is above 1; the first instant is start",
    ],
    [{ ...nine, times: ["9:00"] }, "schedule", "schedule must have either time or times"],
    [{ type: "daily" }, "schedule.time", "schedule.time is required, for example 09:00"],
    [
      { type: "daily", times: ["9:00", "9:60"] },
      "schedule.times[1]",
      'schedule.times[1] "9:60" must be a time of day, such as 09:00, 17:30:15 or 2 AM',
    ],
    [
      { type: "weekly", days: ["mon", "mooday"], time: "9:00" },
      "schedule.days[1]",
      'schedule.days[1] "mooday" must be a weekday: monday, mon, or 0-7 (0 and 7 are Sunday)',
    ],
    [{ type: "weekly", days: [], time: "9:00" }, "schedule.days", "schedule.days must have at least 1"],
    [{ type: "monthly", time: "9:00" }, "schedule", "schedule must have one of day, days, and nth with weekday"],
    [{ type: "monthly", nth: 1, time: "9:00" }, "schedule", "schedule must have nth and weekday together"],
    [
      { type: "monthly", day: 0, time: "9:00" },
      "schedule.day",
      'schedule.day "0" must be a day of a month: 1 to 31, -1 to -31 (counted from its end), or last',
    ],
    [
      { type: "monthly", nth: 6, weekday: 1, time: "9:00" },
      "schedule.nth",
      'schedule.nth "6" must be first to fifth, last, 1 to 5, or -1 to -5',
    ],
    [{ type: "yearly", time: "9:00" }, "schedule", "schedule must have one of date, dates, and months with their days"],
    [
      { type: "yearly", dates: ["12-24", "13-01"], time: "9:00" },
      "schedule.dates[1]",
      'schedule.dates[1] "13-01" must be a month and a day, such as 12-24',
    ],
    [
      { type: "instants", values: ["2026-01-01T00:00:00Z", "tomorrow"] },
      "schedule.values[1]",
      'schedule.values[1] "tomorrow" must be an ISO 8601 instant, for example 2030-12-15T09:00:00Z or 2030-12-15T09:00:00+02:00',
    ],
    [{ type: "any", of: ["daily", "5x"] }, "schedule.of[1]", 'schedule.of[1]: parse duration "5x": invalid'],
    [{ type: "any", of: ["daily", 7] }, "schedule.of[1]", "schedule.of[1] must be a string or an object"],
    [{ ...nine, timezone: "Mars/Olympus" }, "schedule.timezone", 'schedule.timezone: unknown time zone "Mars/Olympus"'],
    [
      { ...nine, start: "2026-01-02T00:00:00Z", end: "2026-01-01T00:00:00Z" },
      "schedule.end",
      "schedule.end must be after start",
    ],
    [{ ...nine, end: "2026-01-01" }, "schedule.end", /^schedule.end "2026-01-01" must be an ISO 8601 instant/],
    [
      { ...nine, exclude_dates: ["2026-02-30"] },
      "schedule.exclude_dates[0]",
      'schedule.exclude_dates[0] "2026-02-30" must be a date of the calendar, such as 2026-12-25',
    ],
    [
      { ...nine, windows: "2-4-6" },
      "schedule.windows",
      'schedule.windows "2-4-6" must be a window of the day, such as 02:00-04:00 or 22:00-06:00',
    ],
    [
      { ...nine, windows: ["02:00-02:00"] },
      "schedule.windows[0]",
      'schedule.windows[0] "02:00-02:00" must end at another time than it begins',
    ],
    [
      { ...nine, calendars: { exclude: ["hols"] } },
      "schedule.calendars.exclude",
      'schedule.calendars.exclude names the calendar "hols", which does not exist',
    ],
    [
      { ...nine, move: "next" },
      "schedule.move",
      "schedule.move says where occurrences on excluded dates go, so it needs exclude_dates, weekdays or calendars",
    ],
    [{ ...nine, jitter: "soon" }, "schedule.jitter", 'schedule.jitter: parse duration "soon": invalid'],
    [
      { type: "any", of: [{ ...nine, jitter: "5m" }] },
      "schedule.of[0].jitter",
      "schedule.of[0].jitter can only stand on the outermost schedule",
    ],
    [{ schedule_type: "daily" }, "schedule.schedule_time", "schedule.schedule_time is required, for example 09:00"],
    [
      { schedule_type: "weekly", schedule_time: "9:00" },
      "schedule.schedule_config.days",
      'schedule.schedule_config.days is required, for example ["Monday"]',
    ],
    [
      { schedule_type: "daily", schedule_time: "9:00", schedule_config: { day_of_month: 1 } },
      "schedule.schedule_config.day_of_month",
      "schedule.schedule_config.day_of_month needs schedule_type monthly",
    ],
    [
      { schedule_type: "custom", schedule_time: "every hour", schedule_config: { customInterval: "Every 2 hours" } },
      "schedule",
      "schedule must have the same in schedule_time and customInterval, or a time of day in the first",
    ],
    [
      { schedule_type: "daily", schedule_time: "9:00", schedule_config: { timezone: "Mars/Olympus" } },
      "schedule.schedule_config.timezone",
      'schedule.schedule_config.timezone: unknown time zone "Mars/Olympus"',
    ],
  ])("%j", (input, field, message) => {
    const text = typeof message === "string" ? message : expect.stringMatching(message);
    expect(() => parse(input)).toThrow(expect.objectContaining({ name: "ScheduleError", field, message: text }));
  });
});
