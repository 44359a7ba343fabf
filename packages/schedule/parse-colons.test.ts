import { describe, expect, it } from "vitest";
import { parseSchedule } from "./parse-schedule.ts";

const parse = (text: string) => parseSchedule(text, { timezone: "Europe/Berlin", anchor: 0 });
const calendar = (days: object, ...times: string[]) => ({ type: "calendar", times, days, timezone: "Europe/Berlin" });
const month = (...on: object[]) => ({ every: "month", interval: 1, on, shortMonths: "last" });
const year = (month: number, day: number) => ({
  every: "year",
  interval: 1,
  months: [month],
  on: [{ day }],
  shortMonths: "last",
});

describe("daily:, weekly:, monthly: and yearly:", () => {
  it.each([
    ["daily:02:00", calendar({ every: "day", interval: 1 }, "02:00")],
    ["daily:14:00,2:00", calendar({ every: "day", interval: 1 }, "02:00", "14:00")],
    ["DAILY:02:00:30", calendar({ every: "day", interval: 1 }, "02:00:30")],
    ["weekly:sunday:03:00", calendar({ every: "week", interval: 1, weekdays: [0] }, "03:00")],
    ["weekly:mon,Wed:03:00", calendar({ every: "week", interval: 1, weekdays: [1, 3] }, "03:00")],
    ["weekly:7,1:03:00", calendar({ every: "week", interval: 1, weekdays: [0, 1] }, "03:00")],
    ["monthly:15:08:00", calendar(month({ day: 15 }), "08:00")],
    ["monthly:1,last:08:00", calendar(month({ day: 1 }, { day: -1 }), "08:00")],
    ["monthly:-2:08:00", calendar(month({ day: -2 }), "08:00")],
    ["monthly:first-monday:08:00", calendar(month({ nth: 1, weekday: 1 }), "08:00")],
    ["monthly:last-fri:08:00", calendar(month({ nth: -1, weekday: 5 }), "08:00")],
    ["yearly:12-24:18:00", calendar(year(12, 24), "18:00")],
    ["yearly:02-29:18:00", calendar(year(2, 29), "18:00")],
    ["yearly:12-24,01-01:18:00", { type: "any", of: [calendar(year(12, 24), "18:00"), calendar(year(1, 1), "18:00")] }],
  ])("%s", (text, schedule) => {
    expect(parse(text)).toEqual(schedule);
  });

  it("alone are the named schedules", () => {
    for (const name of ["hourly", "daily", "midnight", "weekly", "monthly", "yearly", "annually"]) {
      expect(parse(name)).toEqual(parse(`@${name}`));
      expect(parse(name.toUpperCase())).toEqual(parse(`@${name}`));
    }
  });

  it.each([
    ["daily:", "TIME_INVALID", 'schedule "daily:": "" must be a time of day, such as 09:00, 17:30:15 or 2 AM'],
    [
      "daily:24:00",
      "TIME_INVALID",
      'schedule "daily:24:00": "24:00" must be a time of day, such as 09:00, 17:30:15 or 2 AM',
    ],
    [
      "weekly:sunday",
      "TIME_INVALID",
      'schedule "weekly:sunday" must be of the form weekly:sunday:03:00 or weekly:mon,wed:03:00',
    ],
    [
      "weekly:sunnday:03:00",
      "DAY_INVALID",
      'schedule "weekly:sunnday:03:00": "sunnday" must be a weekday: monday, mon, or 0-7 (0 and 7 are Sunday)',
    ],
    [
      "monthly:32:08:00",
      "DAY_INVALID",
      'schedule "monthly:32:08:00": "32" must be a day of a month: 1 to 31, -1 to -31 (counted from its end), or last',
    ],
    [
      "yearly:02-30:08:00",
      "DAY_INVALID",
      'schedule "yearly:02-30:08:00": "02-30" must be a month and a day, such as 12-24',
    ],
  ])("refuses %s", (text, code, message) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code, field: "schedule", message }));
  });
});
