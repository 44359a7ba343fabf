import { nextRun } from "@belfry/schedule/next-run.ts";
import { parseSchedule } from "@belfry/schedule/parse-schedule.ts";
import { describe, expect, it } from "vitest";
import { icalDates } from "./ical-dates.ts";
import { IcalError } from "./ical-times.ts";

const NOW = Date.UTC(2026, 5, 1);

const file = (...events: string[][]) =>
  [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    ...events.flatMap((lines) => ["BEGIN:VEVENT", ...lines, "END:VEVENT"]),
    "END:VCALENDAR",
    "",
  ].join("\r\n");

const datesOf = (lines: string[], timezone = "UTC") => icalDates(file(lines), { timezone, now: NOW }).dates;
const read = (text: string) => icalDates(text, { timezone: "UTC", now: NOW });

describe("the dates that an event covers", () => {
  it.each<[what: string, lines: string[], dates: string[]]>([
    ["one day", ["DTSTART;VALUE=DATE:20261225"], ["2026-12-25"]],
    ["one day that is not said to be a date", ["DTSTART:20261225"], ["2026-12-25"]],
    [
      "days, the end not included",
      ["DTSTART;VALUE=DATE:20261225", "DTEND;VALUE=DATE:20261227"],
      ["2026-12-25", "2026-12-26"],
    ],
    ["a day that ends where it begins", ["DTSTART;VALUE=DATE:20261225", "DTEND;VALUE=DATE:20261225"], ["2026-12-25"]],
    ["days by their duration", ["DTSTART;VALUE=DATE:20261225", "DURATION:P2D"], ["2026-12-25", "2026-12-26"]],
    ["an hour", ["DTSTART:20261225T100000", "DTEND:20261225T110000"], ["2026-12-25"]],
    ["an instant", ["DTSTART:20261225T100000"], ["2026-12-25"]],
    ["a night", ["DTSTART:20261225T220000", "DURATION:PT4H"], ["2026-12-25", "2026-12-26"]],
    ["an evening until midnight", ["DTSTART:20261225T220000", "DTEND:20261226T000000"], ["2026-12-25"]],
    ["an end before the beginning", ["DTSTART:20261225T220000", "DTEND:20261224T000000"], ["2026-12-25"]],
    ["a day over the year's end", ["DTSTART;VALUE=DATE:20261231", "DURATION:P2D"], ["2026-12-31", "2027-01-01"]],
    ["one that is cancelled", ["DTSTART;VALUE=DATE:20261225", "STATUS:CANCELLED"], []],
    ["one long ago", ["DTSTART;VALUE=DATE:19691231", "DURATION:P2D"], ["1970-01-01"]],
  ])("of %s", (_, lines, dates) => {
    expect(datesOf(lines)).toEqual(dates);
  });

  it("are those of the zone that the event is written in", () => {
    const night = ["DTSTART;TZID=America/New_York:20261224T233000", "DTEND:20261225T050000Z"];
    expect(datesOf(night)).toEqual(["2026-12-24"]);
    expect(datesOf(["DTSTART;TZID=Eastern Standard Time:20261224T233000"])).toEqual(["2026-12-24"]);
  });

  it("are those of the zone that was asked for, if it is written in UTC", () => {
    expect(datesOf(["DTSTART:20261224T233000Z"])).toEqual(["2026-12-24"]);
    expect(datesOf(["DTSTART:20261224T233000Z"], "Asia/Tokyo")).toEqual(["2026-12-25"]);
  });

  it("count once, of all calendars in the file, in order", () => {
    const text = file(
      ["DTSTART;VALUE=DATE:20270101"],
      ["DTSTART;VALUE=DATE:20261225"],
      ["DTSTART;VALUE=DATE:20270101"],
    );
    expect(read(text)).toEqual({ dates: ["2026-12-25", "2027-01-01"], events: 3 });
    expect(read(text + file(["DTSTART;VALUE=DATE:20280101"]))).toEqual({
      dates: ["2026-12-25", "2027-01-01", "2028-01-01"],
      events: 4,
    });
    expect(read(file())).toEqual({ dates: [], events: 0 });
  });
});

describe("an event that recurs", () => {
  it("counts from a year ago to ten years ahead", () => {
    const dates = datesOf(["DTSTART;VALUE=DATE:20001225", "RRULE:FREQ=YEARLY"]);
    expect(dates).toEqual(Array.from({ length: 11 }, (_, i) => `${2025 + i}-12-25`));
  });

  it.each<[rule: string, dates: string[]]>([
    ["RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=3", ["2026-11-26", "2027-11-25", "2028-11-23"]],
    ["RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;UNTIL=20270131", ["2026-11-30", "2026-12-31", "2027-01-29"]],
    ["RRULE:FREQ=WEEKLY;COUNT=3\r\nEXDATE;VALUE=DATE:20261203", ["2026-11-26", "2026-12-10"]],
    ["RDATE;VALUE=DATE:20270101,20270102", ["2026-11-26", "2027-01-01", "2027-01-02"]],
  ])("by %s", (rule, dates) => {
    const all = datesOf(["DTSTART;VALUE=DATE:20261126", ...rule.split("\r\n")]);
    expect(all.filter((date) => date !== "2026-11-26")).toEqual(dates.filter((date) => date !== "2026-11-26"));
  });

  it("on 29 February comes in leap years only", () => {
    const leapDays = ["2028-02-29", "2032-02-29", "2036-02-29"];
    for (const rule of ["RRULE:FREQ=YEARLY", "RRULE:FREQ=YEARLY;BYMONTH=2", "RRULE:FREQ=YEARLY;COUNT=4"])
      expect(datesOf(["DTSTART;VALUE=DATE:20240229", rule])).toEqual(leapDays);
  });

  it("on the 31st leaves out the months without one", () => {
    for (const rule of ["RRULE:FREQ=MONTHLY;COUNT=3", "RRULE:FREQ=YEARLY;BYMONTH=1,2,3,4,5;COUNT=3"])
      expect(datesOf(["DTSTART;VALUE=DATE:20260131", rule])).toEqual(["2026-01-31", "2026-03-31", "2026-05-31"]);
  });

  it("covers as many days each time", () => {
    const dates = datesOf(["DTSTART;VALUE=DATE:20261231", "DURATION:P2D", "RRULE:FREQ=YEARLY;COUNT=2"]);
    expect(dates).toEqual(["2026-12-31", "2027-01-01", "2027-12-31", "2028-01-01"]);
  });

  it("has those occurrences elsewhere for which another event stands in", () => {
    const weekly = ["UID:a", "DTSTART;TZID=Europe/Paris:20261201T100000", "RRULE:FREQ=WEEKLY;COUNT=3"];
    const moved = ["UID:a", "RECURRENCE-ID:20261208T090000Z", "DTSTART;TZID=Europe/Paris:20261209T100000"];
    const dropped = [
      "UID:a",
      "RECURRENCE-ID;TZID=Europe/Paris:20261215T100000",
      "DTSTART:20261215T090000Z",
      "STATUS:CANCELLED",
    ];
    expect(read(file(weekly, moved, dropped)).dates).toEqual(["2026-12-01", "2026-12-09"]);
  });
});

describe("a recurrence rule", () => {
  it.each([
    "FREQ=YEARLY",
    "FREQ=YEARLY;BYMONTH=2,3",
    "FREQ=YEARLY;INTERVAL=4",
    "FREQ=YEARLY;BYMONTHDAY=31",
    "FREQ=YEARLY;BYMONTHDAY=29,30,31;BYDAY=MO",
    "FREQ=YEARLY;BYYEARDAY=200;BYDAY=MO",
    "FREQ=MONTHLY;INTERVAL=3",
    "FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO",
    "FREQ=YEARLY;BYMONTH=3;BYDAY=TH;BYSETPOS=2",
    "FREQ=YEARLY;BYYEARDAY=100,-1",
    "FREQ=YEARLY;BYDAY=1SU",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
    "FREQ=MONTHLY;BYDAY=-1MO",
    "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
    "FREQ=MONTHLY;BYMONTHDAY=31",
    "FREQ=MONTHLY;COUNT=30;BYDAY=2TU",
    "FREQ=WEEKLY;WKST=SU;INTERVAL=2;BYDAY=SU,TU",
    "FREQ=DAILY;INTERVAL=10;UNTIL=20300101T000000Z",
  ])("means what it means as a schedule: %s", (rule) => {
    const options = { timezone: "UTC", anchor: NOW };
    const [from, to] = [Date.UTC(2025, 4, 31), Date.UTC(2036, 5, 1)];
    for (const day of ["20240101", "20240131", "20240229"]) {
      const schedule = parseSchedule({ type: "rrule", value: `DTSTART:${day}T000000Z\nRRULE:${rule}` }, options);
      const expected: string[] = [];
      for (let at = nextRun(schedule, from - 1); at !== null && at <= to; at = nextRun(schedule, at))
        expected.push(new Date(at).toISOString().slice(0, 10));
      expect(datesOf([`DTSTART;VALUE=DATE:${day}`, `RRULE:${rule}`])).toEqual(expected);
    }
  });
});

describe("a file that is refused", () => {
  it.each<[what: string, text: string, message: RegExp]>([
    ["nothing", "", /is no iCalendar file/],
    ["something else", "hello", /is no iCalendar file/],
    ["a page", "<html></html>", /is no iCalendar file/],
    [
      "a part of a calendar",
      "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261225\r\nEND:VEVENT\r\n",
      /must begin with BEGIN:VCALENDAR/,
    ],
    ["one that breaks off", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", /is no iCalendar file/],
    ["no beginning", file(["SUMMARY:Christmas"]), /^the event "Christmas" has no DTSTART$/],
    [
      "a date that there is not",
      file(["UID:7", "DTSTART;VALUE=DATE:20260230"]),
      /^the event "7" has a time that there is not: "2026-02-30"$/,
    ],
    ["a month of 99", file(["DTSTART;VALUE=DATE:20269901"]), /has a time that there is not/],
    ["a rule of seconds", file(["DTSTART:20200101T000000Z", "RRULE:FREQ=SECONDLY"]), /recurs too often$/],
    [
      "a rule that began with the calendar",
      file(["DTSTART:00010101T000000Z", "RRULE:FREQ=HOURLY"]),
      /recurs too often$/,
    ],
    [
      "a rule by weeks",
      file(["DTSTART:20260511", "RRULE:FREQ=YEARLY;BYWEEKNO=20"]),
      /\(BYWEEKNO\), which is not supported$/,
    ],
    [
      "a rule of numbered weekdays on some days",
      file(["DTSTART:20240101", "RRULE:FREQ=YEARLY;BYMONTHDAY=29,30;BYDAY=5SA"]),
      /recurs by both BYMONTHDAY and a numbered BYDAY, which is not supported$/,
    ],
    [
      "a rule of the 31st in some years",
      file(["DTSTART:20240131", "RRULE:FREQ=YEARLY;INTERVAL=2;BYMONTH=1,2"]),
      /recurs on days that not all of its months have, which is supported in every year only$/,
    ],
    ["a rule that is none", file(["DTSTART:20200101T000000Z", "RRULE:FREQ=NEVER"]), /./],
    [
      "all the days that there are",
      file(["DTSTART;VALUE=DATE:20200101", "DTEND;VALUE=DATE:99991231"]),
      /has more than 4000 dates/,
    ],
  ])("for %s", (_, text, message) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ constructor: IcalError, message: expect.stringMatching(message) }),
    );
  });
});
