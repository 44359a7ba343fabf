import { describe, expect, it } from "vitest";
import { parseSchedule } from "./parse-schedule.ts";
import { nextRrule, type RruleSchedule } from "./rrule.ts";

const created = Date.parse("2026-01-07T10:00:00.250Z");
const parse = (value: string, start?: string, timezone = "America/New_York") =>
  parseSchedule({ type: "rrule", value, ...(start && { start }) }, { timezone, anchor: created }) as RruleSchedule;

/** The next runs after an instant, as local times with their offset. */
function runs(schedule: RruleSchedule, after: string, count = 4): string[] {
  const found: string[] = [];
  let last = Date.parse(after);
  while (found.length < count) {
    const next = nextRrule(schedule, last);
    if (next === null) break;
    const local = Temporal.Instant.fromEpochMilliseconds(next).toZonedDateTimeISO(schedule.timezone);
    found.push(local.toString({ smallestUnit: "minute", timeZoneName: "never" }));
    last = next;
  }
  return found;
}

describe("what a recurrence rule counts from", () => {
  it.each([
    ["the first whole second of its life", "FREQ=DAILY", undefined, "2026-01-07T05:00:01", "America/New_York"],
    ["a local start", "FREQ=DAILY", "2026-02-01T09:00", "2026-02-01T09:00:00", "America/New_York"],
    ["a date", "FREQ=DAILY", "2026-02-01", "2026-02-01T00:00:00", "America/New_York"],
    ["an instant", "FREQ=DAILY", "2026-02-01T09:00:00Z", "2026-02-01T04:00:00", "America/New_York"],
    ["a start that a gap swallows", "FREQ=DAILY", "2026-03-08T02:30", "2026-03-08T02:30:00", "America/New_York"],
    ["DTSTART", "DTSTART:20260201T090000\nRRULE:FREQ=DAILY", undefined, "2026-02-01T09:00:00", "America/New_York"],
    [
      "DTSTART as a date",
      "DTSTART;VALUE=DATE:20260201\nFREQ=DAILY",
      undefined,
      "2026-02-01T00:00:00",
      "America/New_York",
    ],
    [
      "DTSTART with a zone",
      "DTSTART;TZID=Asia/Tokyo:20260201T090000\\nRRULE:FREQ=DAILY",
      undefined,
      "2026-02-01T09:00:00",
      "Asia/Tokyo",
    ],
    [
      "DTSTART with a zone in quotes",
      'DTSTART;TZID="Asia/Tokyo":20260201T090000\nRRULE:FREQ=DAILY',
      undefined,
      "2026-02-01T09:00:00",
      "Asia/Tokyo",
    ],
    ["DTSTART in UTC", "DTSTART:20260201T090000Z\r\nRRULE:FREQ=DAILY", undefined, "2026-02-01T09:00:00", "UTC"],
  ])("%s", (_, value, start, local, timezone) => {
    expect(parse(value, start)).toEqual({ type: "rrule", rule: "RRULE:FREQ=DAILY", start: local, timezone });
  });

  it("stands in lines of any order", () => {
    const lines = ["DTSTART:20260201T090000Z", "EXDATE:20260202T090000Z", "RRULE:FREQ=DAILY"];
    for (const first of lines) {
      const text = [first, ...lines.filter((line) => line !== first)].join("\n");
      expect(parseSchedule(text, { timezone: "UTC", anchor: created })).toEqual({
        type: "rrule",
        rule: "RRULE:FREQ=DAILY\nEXDATE:20260202T090000Z",
        start: "2026-02-01T09:00:00",
        timezone: "UTC",
      });
    }
  });

  it("may be written as a plain string", () => {
    const options = { timezone: "America/New_York", anchor: created };
    for (const text of [
      "RRULE:FREQ=WEEKLY;BYDAY=MO",
      "freq=weekly;byday=mo",
      "DTSTART:20260107T050001\nRRULE:FREQ=WEEKLY;BYDAY=MO",
    ]) {
      expect(parseSchedule(text, options)).toEqual(parse("FREQ=WEEKLY;BYDAY=MO"));
    }
  });
});

describe("parts of a year", () => {
  const YEARS: [rule: string, days: string[]][] = [
    // 17 September 2025 is a Wednesday, and what the rule does not say comes from there.
    ["BYWEEKNO=20", ["2026-05-13", "2027-05-19", "2028-05-17", "2029-05-16"]],
    ["BYWEEKNO=1;BYDAY=MO", ["2025-12-29", "2027-01-04", "2028-01-03", "2029-01-01"]],
    ["BYWEEKNO=1;BYDAY=MO;INTERVAL=2", ["2027-01-04", "2029-01-01", "2030-12-30", "2033-01-03"]],
    ["BYWEEKNO=-1;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=2,3", ["2025-12-23", "2025-12-24", "2026-12-29", "2026-12-30"]],
    ["BYWEEKNO=53;COUNT=2", ["2026-12-30", "2032-12-29"]],
    ["BYYEARDAY=200;BYDAY=MO", ["2027-07-19", "2038-07-19", "2044-07-18", "2049-07-19"]],
    ["BYYEARDAY=60;BYMONTHDAY=29", ["2028-02-29", "2032-02-29", "2036-02-29", "2040-02-29"]],
    ["BYDAY=20SA;BYMONTHDAY=2,13,29,30", ["2028-05-13", "2056-05-13", "2084-05-13"]],
    ["BYDAY=MO,1TU;BYSETPOS=10", ["2026-03-02", "2027-03-01", "2028-02-28", "2029-02-26"]],
  ];

  it.each(YEARS)("%s", (rule, days) => {
    const schedule = parse(`DTSTART:20250917T050000Z\nRRULE:FREQ=YEARLY;${rule}`);
    const found = runs(schedule, "2025-09-18T00:00Z", days.length);
    expect(found.map((time) => time.slice(0, 10))).toEqual(days);
  });
});

describe("nextRrule", () => {
  it("has as many runs as COUNT, of which the first is after the creation", () => {
    expect(runs(parse("FREQ=DAILY;COUNT=3"), "2026-01-07T10:00:00.250Z")).toHaveLength(3);
    expect(nextRrule(parse("FREQ=DAILY;COUNT=1"), created)).toBe(Date.parse("2026-01-07T10:00:01Z"));
    expect(nextRrule(parse("FREQ=SECONDLY"), created)).toBe(Date.parse("2026-01-07T10:00:01Z"));
  });

  it("leaves out a start that a gap swallows, and no more", () => {
    const swallowed = "DTSTART;TZID=America/New_York:20260308T023000\nRRULE:";
    expect(runs(parse(`${swallowed}FREQ=DAILY;COUNT=4`), "2026-01-01T00:00Z", 5)).toEqual([
      "2026-03-09T02:30-04:00",
      "2026-03-10T02:30-04:00",
      "2026-03-11T02:30-04:00",
      "2026-03-12T02:30-04:00",
    ]);
    expect(runs(parse(`${swallowed}FREQ=MONTHLY`), "2026-01-01T00:00Z", 2)).toEqual([
      "2026-04-08T02:30-04:00",
      "2026-05-08T02:30-04:00",
    ]);
    expect(runs(parse(`${swallowed}FREQ=HOURLY`), "2026-01-01T00:00Z", 2)).toEqual([
      "2026-03-08T03:30-04:00",
      "2026-03-08T04:30-04:00",
    ]);
    // Its clocks go from 23:00 to midnight.
    const saturdays = parse("DTSTART;TZID=America/Nuuk:20240330T233000\nRRULE:FREQ=WEEKLY;UNTIL=20240415");
    expect(runs(saturdays, "2024-01-01T00:00Z")).toEqual(["2024-04-06T23:30-01:00", "2024-04-13T23:30-01:00"]);
  });

  it("goes through an hour that comes twice once by the hour, and twice by the minute or in elapsed hours", () => {
    const from = "2026-11-01T04:59Z";
    const hours = ["2026-11-01T01:00-04:00", "2026-11-01T02:00-05:00", "2026-11-01T03:00-05:00"];
    expect(runs(parse("FREQ=HOURLY", "2026-11-01T00:00"), from, 3)).toEqual(hours);
    const halves = [
      "2026-11-01T01:00-04:00",
      "2026-11-01T01:30-04:00",
      "2026-11-01T01:00-05:00",
      "2026-11-01T01:30-05:00",
    ];
    for (const rule of ["FREQ=MINUTELY;INTERVAL=30", "FREQ=MINUTELY;BYMINUTE=0,30", "FREQ=SECONDLY;INTERVAL=1800"])
      expect(runs(parse(rule, "2026-11-01T00:00"), from)).toEqual(halves);
    expect(runs(parse("FREQ=HOURLY;INTERVAL=2", "2026-10-31T23:00"), from, 2)).toEqual([
      "2026-11-01T01:00-04:00",
      "2026-11-01T02:00-05:00",
    ]);
  });

  it("keeps the local time when clocks change, and leaves out a day that lacks it", () => {
    const schedule = parse("FREQ=DAILY", "2026-03-06T02:30");
    expect(runs(schedule, "2026-03-07T00:00Z")).toEqual([
      "2026-03-07T02:30-05:00",
      "2026-03-09T02:30-04:00",
      "2026-03-10T02:30-04:00",
      "2026-03-11T02:30-04:00",
    ]);
  });

  it("takes the first of two, also of the hours of FREQ=HOURLY; with an INTERVAL hours are elapsed time", () => {
    expect(runs(parse("FREQ=DAILY", "2026-10-31T01:30"), "2026-10-31T12:00Z", 2)).toEqual([
      "2026-11-01T01:30-04:00",
      "2026-11-02T01:30-05:00",
    ]);
    expect(runs(parse("FREQ=HOURLY", "2026-11-01T00:00"), "2026-11-01T04:00Z", 3)).toEqual([
      "2026-11-01T01:00-04:00",
      "2026-11-01T02:00-05:00",
      "2026-11-01T03:00-05:00",
    ]);
    expect(runs(parse("FREQ=HOURLY;INTERVAL=2", "2026-11-01T00:00"), "2026-11-01T04:00Z", 2)).toEqual([
      "2026-11-01T01:00-05:00",
      "2026-11-01T03:00-05:00",
    ]);
  });

  it("does not count a start that the rule does not have", () => {
    expect(runs(parse("FREQ=MONTHLY;BYDAY=-1FR", "2026-01-07T09:00"), "2026-01-01T00:00Z", 2)).toEqual([
      "2026-01-30T09:00-05:00",
      "2026-02-27T09:00-05:00",
    ]);
  });

  it("leaves out months without the day", () => {
    expect(runs(parse("FREQ=MONTHLY", "2026-01-31T09:00"), "2026-01-31T20:00Z", 2)).toEqual([
      "2026-03-31T09:00-04:00",
      "2026-05-31T09:00-04:00",
    ]);
  });

  it("ends with COUNT, of which what is left out is no part, and with UNTIL", () => {
    const counted = parse("FREQ=DAILY;COUNT=3", "2026-03-07T02:30");
    expect(runs(counted, "2026-01-01T00:00Z")).toEqual([
      "2026-03-07T02:30-05:00",
      "2026-03-09T02:30-04:00",
      "2026-03-10T02:30-04:00",
    ]);
    for (const until of ["20260202", "20260202T090000", "20260202T140000Z"]) {
      expect(runs(parse(`FREQ=DAILY;UNTIL=${until}`, "2026-02-01T09:00"), "2026-01-01T00:00Z")).toEqual([
        "2026-02-01T09:00-05:00",
        "2026-02-02T09:00-05:00",
      ]);
    }
    expect(runs(parse("FREQ=DAILY;UNTIL=20260202T085959", "2026-02-01T09:00"), "2026-01-01T00:00Z")).toHaveLength(1);
  });

  it("adds RDATE and leaves out EXDATE, which does not make room in COUNT", () => {
    const schedule = parse(
      [
        "DTSTART;TZID=America/New_York:20260201T090000",
        "RRULE:FREQ=DAILY;COUNT=3",
        "RDATE;TZID=Asia/Tokyo:20260203T090000,20260210T090000",
        "EXDATE:20260202T140000Z",
        "EXDATE;TZID=America/New_York:20260209T190000",
      ].join("\n"),
    );
    expect(schedule.rule).toBe(
      "RRULE:FREQ=DAILY;COUNT=3\nRDATE:20260203T000000Z,20260210T000000Z\nEXDATE:20260202T140000Z,20260210T000000Z",
    );
    expect(runs(schedule, "2026-01-01T00:00Z")).toEqual([
      "2026-02-01T09:00-05:00",
      "2026-02-02T19:00-05:00",
      "2026-02-03T09:00-05:00",
    ]);
  });

  it("waits 40 years for 29 February on a Monday, however it is written", () => {
    for (const freq of ["YEARLY", "MONTHLY", "DAILY", "HOURLY;BYHOUR=9"]) {
      const schedule = parse(`FREQ=${freq};BYMONTH=2;BYMONTHDAY=29;BYDAY=MO`, "2026-01-01T09:00");
      expect(runs(schedule, "2072-03-01T00:00Z", 1)).toEqual(["2112-02-29T09:00-05:00"]);
    }
  });

  it("gives the same whatever it was asked before", () => {
    for (const rule of [
      "FREQ=DAILY;BYHOUR=2,9;BYMINUTE=30",
      "FREQ=MINUTELY;INTERVAL=7;BYHOUR=1,2",
      "FREQ=YEARLY;BYDAY=SU",
    ]) {
      const start = "2026-01-01T00:00";
      const walked = runs(parse(rule, start), "2026-03-01T00:00Z", 300);
      // Another rule to the cache, so that nothing is known of it yet, and asked from the end.
      const anew = parse(`${rule};WKST=SU`, start);
      const after = walked.map((_, index) => (index === 0 ? "2026-03-01T00:00Z" : (walked[index - 1] ?? "")));
      expect(after.toReversed().map((instant) => runs(anew, instant, 1)[0])).toEqual(walked.toReversed());
    }
  });

  it("comes to the end of the calendar", () => {
    expect(runs(parse("FREQ=YEARLY;INTERVAL=1000", "2026-01-01T00:00"), "9000-01-01T00:00Z")).toEqual([
      "9026-01-01T00:00-05:00",
    ]);
    expect(nextRrule(parse("FREQ=SECONDLY"), Date.parse("9999-12-31T23:59:59Z"))).toBeNull();
  });
});

describe("parts that the RFC does not have, or not together", () => {
  it.each([
    ["FREQ=DAILY;BYHOUR=9,24", "BYHOUR must be 0-23"],
    ["FREQ=DAILY;INTERVAL=0", "INTERVAL must be a whole number from 1 to 1000000"],
    ["FREQ=DAILY;COUNT=1001", "COUNT must be a whole number from 1 to 1000; more can be had with max_runs or end"],
    ["FREQ=FORTNIGHTLY", "FREQ must be one of YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY, SECONDLY"],
    ["FREQ=DAILY;FREQ=DAILY", "FREQ is given twice"],
    ["RRULE:BYHOUR=9", "FREQ is required"],
    ["FREQ=DAILY;COUNT=3;UNTIL=20270101", "COUNT and UNTIL exclude each other"],
    ["FREQ=DAILY;UNTIL=20260230", '"20260230" must be a date and time of the calendar, such as 20261231T235959Z'],
    ["FREQ=WEEKLY;BYDAY=1MO", "BYDAY can have numbers only with FREQ=MONTHLY, and with FREQ=YEARLY without BYWEEKNO"],
    ["FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY has no meaning with FREQ=WEEKLY"],
    ["FREQ=DAILY;BYSETPOS=1", "BYSETPOS needs another BY… part to choose from"],
    ["FREQ=YEARLY;BYWEEKNO=1;BYMONTHDAY=3", "BYWEEKNO cannot stand with BYMONTHDAY or BYYEARDAY"],
    ["FREQ=DAILY;RSCALE=HEBREW", /^RSCALE is not one of FREQ, INTERVAL, COUNT, UNTIL, /],
    ["RRULE:FREQ=DAILY\nRRULE:FREQ=DAILY", "must have one RRULE"],
    ["RRULE:FREQ=DAILY\nSUMMARY:Lunch", "must consist of RRULE:…, and DTSTART, RDATE and EXDATE if wanted"],
    [
      "RRULE:FREQ=DAILY\nEXDATE;VALUE=DATE:20260202",
      "EXDATE must have a date and time; whole days go into exclude_dates",
    ],
    ["RRULE:FREQ=DAILY\nRDATE;VALUE=PERIOD:20260202T090000Z/PT1H", '"VALUE=PERIOD" is not supported'],
  ])("%j", (value, why) => {
    const message =
      typeof why === "string" ? `schedule ${JSON.stringify(value).replaceAll("\\n", "\n")}: ${why}` : undefined;
    expect(() => parse(value)).toThrow(
      expect.objectContaining({
        code: "RRULE_INVALID",
        message: message ?? expect.stringMatching(/: RSCALE is not one of FREQ, INTERVAL, COUNT, UNTIL, /),
      }),
    );
  });

  it("a period of too many occurrences", () => {
    const numbers = (count: number) => Array.from({ length: count }, (_, value) => value).join(",");
    expect(() => parse(`FREQ=HOURLY;BYMINUTE=${numbers(60)};BYSECOND=${numbers(60)}`)).toThrow(
      "has more than 2000 occurrences in one period of its FREQ; use a FREQ that is shorter",
    );
    expect(parse(`FREQ=MINUTELY;BYSECOND=${numbers(60)}`).type).toBe("rrule");
  });
});

describe("rules that never have an occurrence are found out in bounded time", () => {
  it.each([
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=4,6,9,11",
    "FREQ=DAILY;BYHOUR=1,2,3;BYSETPOS=4",
    "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
    "FREQ=DAILY;INTERVAL=7;BYDAY=TU;BYMONTH=2;BYHOUR=1,2;BYSETPOS=1",
    "FREQ=HOURLY;INTERVAL=24;BYHOUR=5",
    "FREQ=SECONDLY;INTERVAL=86400;BYHOUR=3",
    "FREQ=SECONDLY;INTERVAL=997;BYSECOND=59;BYMINUTE=59;BYHOUR=23;BYMONTHDAY=29;BYMONTH=2",
    "FREQ=MINUTELY;BYMONTH=2;BYYEARDAY=-1;BYSECOND=1,2,3;BYSETPOS=1",
    "FREQ=MONTHLY;INTERVAL=12;BYMONTH=5;BYDAY=MO",
    "FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1",
    "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6",
    "FREQ=YEARLY;BYWEEKNO=-1;BYSETPOS=2,3",
    "FREQ=YEARLY;BYMONTHDAY=13;BYDAY=1FR",
    "FREQ=YEARLY;BYYEARDAY=366;BYMONTHDAY=30",
    "FREQ=YEARLY;INTERVAL=1000000;BYYEARDAY=1;BYMONTHDAY=2",
    "FREQ=YEARLY;BYMONTH=3;BYDAY=2SU;BYHOUR=2", // swallowed each year
    "FREQ=DAILY;UNTIL=20200101",
  ])("%s", (rule) => {
    // In time of the processor, which other programs do not share.
    const began = process.cpuUsage();
    expect(() => parse(rule, "2025-01-01T09:30")).toThrow(
      expect.objectContaining({ code: "RRULE_NEVER_RUNS", message: `unable to find next run for schedule "${rule}"` }),
    );
    const { user } = process.cpuUsage(began);
    expect(user / 1000).toBeLessThan(100);
  });
});
