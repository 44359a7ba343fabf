import { describe, expect, it } from "vitest";
import { nextRun } from "./next-run.ts";
import { occurrencesBetween, preview } from "./occurrences.ts";
import { parseSchedule } from "./parse-schedule.ts";

/** The runs on local days, the first and the last included, as local times with their offset. */
function runs(text: string, timezone: string, firstDay: string, lastDay = firstDay): string[] {
  const schedule = parseSchedule(text, { timezone, anchor: 0 });
  const start = Temporal.PlainDate.from(firstDay).toZonedDateTime(timezone).epochMilliseconds;
  const end = Temporal.PlainDate.from(lastDay).add({ days: 1 }).toZonedDateTime(timezone).epochMilliseconds;
  return occurrencesBetween(schedule, start - 1, end - 1, 1_000).map((instant) =>
    Temporal.Instant.fromEpochMilliseconds(instant)
      .toZonedDateTimeISO(timezone)
      .toString({ smallestUnit: text.split(" ").length === 6 ? "second" : "minute", timeZoneName: "never" }),
  );
}

describe("a gap: New York has no 02:00-02:59 on 9 March 2025", () => {
  const run = (text: string) => runs(text, "America/New_York", "2025-03-09");

  it("a fixed time that it swallows runs once, at the first instant after it", () => {
    expect(run("30 2 * * *")).toEqual(["2025-03-09T03:00-04:00"]);
    expect(run("0 30 2 * * *")).toEqual(["2025-03-09T03:00:00-04:00"]);
  });

  it("several that it swallows collapse into one, also with one that is due at its end", () => {
    expect(run("0,15,30,45 2 * * *")).toEqual(["2025-03-09T03:00-04:00"]);
    expect(run("0,30 2-3 * * *")).toEqual(["2025-03-09T03:00-04:00", "2025-03-09T03:30-04:00"]);
    expect(run("* 59 2 * * *")).toEqual(["2025-03-09T03:00:00-04:00"]);
  });

  it("wildcard patterns skip it", () => {
    expect(run("*/30 2 * * *")).toEqual([]);
    expect(run("30 */2 * * *").slice(0, 3)).toEqual([
      "2025-03-09T00:30-05:00",
      "2025-03-09T04:30-04:00",
      "2025-03-09T06:30-04:00",
    ]);
    expect(run("*/20 1-3 * * *")).toEqual([
      "2025-03-09T01:00-05:00",
      "2025-03-09T01:20-05:00",
      "2025-03-09T01:40-05:00",
      "2025-03-09T03:00-04:00",
      "2025-03-09T03:20-04:00",
      "2025-03-09T03:40-04:00",
    ]);
    expect(run("@hourly")).toHaveLength(23);
  });

  it("is over for a run that was due at its end", () => {
    const schedule = parseSchedule("30 2 * * *", { timezone: "America/New_York", anchor: 0 });
    const end = Date.parse("2025-03-09T03:00-04:00");
    expect(nextRun(schedule, end - 1)).toBe(end);
    expect(nextRun(schedule, end)).toBe(Date.parse("2025-03-10T02:30-04:00"));
  });
});

describe("a fold: New York has 01:00-01:59 twice on 2 November 2025", () => {
  const run = (text: string) => runs(text, "America/New_York", "2025-11-02");

  it("a fixed time runs in the first pass only", () => {
    expect(run("30 1 * * *")).toEqual(["2025-11-02T01:30-04:00"]);
    expect(run("0 0-2 * * *").slice(-3)).toEqual([
      "2025-11-02T00:00-04:00",
      "2025-11-02T01:00-04:00",
      "2025-11-02T02:00-05:00",
    ]);
  });

  it("wildcard patterns run in both", () => {
    expect(run("*/30 1 * * *")).toEqual([
      "2025-11-02T01:00-04:00",
      "2025-11-02T01:30-04:00",
      "2025-11-02T01:00-05:00",
      "2025-11-02T01:30-05:00",
    ]);
    expect(run("@hourly")).toHaveLength(25);
  });

  it("is not run again by a job that is asked for in the second pass", () => {
    const schedule = parseSchedule("30 1 * * *", { timezone: "America/New_York", anchor: 0 });
    expect(nextRun(schedule, Date.parse("2025-11-02T01:10-05:00"))).toBe(Date.parse("2025-11-03T01:30-05:00"));
  });
});

describe("zones with ideas of their own", () => {
  it("Lord Howe moves by half an hour", () => {
    expect(runs("15 2 * * *", "Australia/Lord_Howe", "2025-10-04", "2025-10-06")).toEqual([
      "2025-10-04T02:15+10:30",
      "2025-10-05T02:30+11:00",
      "2025-10-06T02:15+11:00",
    ]);
    expect(runs("*/15 1 * * *", "Australia/Lord_Howe", "2025-04-06")).toEqual([
      "2025-04-06T01:00+11:00",
      "2025-04-06T01:15+11:00",
      "2025-04-06T01:30+11:00",
      "2025-04-06T01:45+11:00",
      "2025-04-06T01:30+10:30",
      "2025-04-06T01:45+10:30",
    ]);
  });

  it("Nuuk's gap is the last hour of a day, Cairo's the first", () => {
    expect(runs("30 23 * * *", "America/Nuuk", "2025-03-28", "2025-03-31")).toEqual([
      "2025-03-28T23:30-02:00",
      "2025-03-30T00:00-01:00",
      "2025-03-30T23:30-01:00",
      "2025-03-31T23:30-01:00",
    ]);
    expect(runs("@daily", "Africa/Cairo", "2025-04-24", "2025-04-26")).toEqual([
      "2025-04-24T00:00+02:00",
      "2025-04-25T01:00+03:00",
      "2025-04-26T00:00+03:00",
    ]);
  });

  it("Troll moves by two hours", () => {
    expect(runs("30 1,2 * * *", "Antarctica/Troll", "2025-03-30")).toEqual(["2025-03-30T03:00+02:00"]);
    expect(runs("30 1,2 * * *", "Antarctica/Troll", "2025-10-26")).toEqual([
      "2025-10-26T01:30+02:00",
      "2025-10-26T02:30+02:00",
    ]);
  });

  it("Apia had no 30 December 2011", () => {
    expect(runs("0 9 * * *", "Pacific/Apia", "2011-12-29", "2012-01-01")).toEqual([
      "2011-12-29T09:00-10:00",
      "2011-12-31T00:00+14:00",
      "2011-12-31T09:00+14:00",
      "2012-01-01T09:00+14:00",
    ]);
    expect(runs("0 */12 * * *", "Pacific/Apia", "2011-12-29", "2011-12-31")).toEqual([
      "2011-12-29T00:00-10:00",
      "2011-12-29T12:00-10:00",
      "2011-12-31T00:00+14:00",
      "2011-12-31T12:00+14:00",
    ]);
  });

  it("Kathmandu is 5:45 ahead", () => {
    expect(runs("0 9 * * *", "Asia/Kathmandu", "2025-06-01")).toEqual(["2025-06-01T09:00+05:45"]);
  });
});

describe("far away", () => {
  it("waits from 2097 to 2104 for a leap day", () => {
    const schedule = parseSchedule("0 0 29 2 *", { timezone: "America/New_York", anchor: 0 });
    expect(preview(schedule, Date.parse("2096-03-01T00:00Z"), 2)).toEqual([
      Date.parse("2104-02-29T00:00-05:00"),
      Date.parse("2108-02-29T00:00-05:00"),
    ]);
  });

  it("gives up on what never matches, in bounded time", () => {
    const began = performance.now();
    expect(nextRun({ type: "cron", expression: "* * 30 2 *", timezone: "Africa/Casablanca" }, 0)).toBeNull();
    expect(performance.now() - began).toBeLessThan(100);
  });

  it("ends with the year 9999, and begins before 1900", () => {
    const schedule = parseSchedule("@daily", { timezone: "Europe/Dublin", anchor: 0 });
    expect(nextRun(schedule, Date.parse("9999-12-30T12:00:00Z"))).toBe(Date.parse("9999-12-31T00:00:00Z"));
    expect(nextRun(schedule, Date.parse("9999-12-31T00:00:00Z"))).toBeNull();
    expect(nextRun(schedule, Date.parse("1850-01-01T12:00:00Z"))).toBe(Date.parse("1850-01-02T00:25:21Z"));
  });

  it("takes milliseconds after a run as after it", () => {
    const schedule = parseSchedule("* * * * * *", { timezone: "UTC", anchor: 0 });
    expect([-1, 0, 1, 999, 1000].map((after) => nextRun(schedule, after))).toEqual([0, 1000, 1000, 1000, 2000]);
  });
});
