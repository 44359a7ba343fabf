import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { occurrencesBetween } from "./occurrences.ts";
import { type ExplainOptions, explainOccurrences } from "./preview.ts";
import type { RestrictedSchedule } from "./restricted.ts";
import type { Schedule } from "./schedule.ts";
import { startDelay } from "./spread.ts";

const NEW_YORK = "America/New_York";
const WORKDAYS = [1, 2, 3, 4, 5];
const holidays = [{ name: "holidays", mode: "exclude" as const, dates: ["2026-12-25"] }];
const cron = (expression: string, rule: object = {}): Schedule => ({
  type: "cron",
  expression,
  timezone: NEW_YORK,
  ...rule,
});
const restricted = (of: Schedule, rules: Partial<RestrictedSchedule>): Schedule => ({
  type: "restricted",
  of,
  timezone: NEW_YORK,
  ...rules,
});

function explain(schedule: Schedule, from: string, options: Omit<ExplainOptions, "from">) {
  const { occurrences, dropped } = explainOccurrences(schedule, { from: Date.parse(from), ...options });
  return {
    runs: occurrences.map(({ local, notes }) => [local.slice(0, 22), ...notes].join(" | ")),
    dropped: dropped.map(({ local, reason, count }) => `${local.slice(0, 16)} ${count}: ${reason}`),
  };
}

describe("a gap: New York has no 02:00-02:59 on 8 March 2026", () => {
  const day = { count: 2, to: Date.parse("2026-03-09T00:00-04:00") };
  const run = (schedule: Schedule) => explain(schedule, "2026-03-08T00:00-05:00", day);

  it("is noted where something was put off", () => {
    expect(run(cron("30 2 * * *")).runs).toEqual([
      "2026-03-08T03:00:00-04 | local time 02:30 does not exist that day; runs at 03:00 after the clocks go forward",
    ]);
    expect(run(cron("30 2 * * *", { dst: { gap: "shift", fold: "first" } })).runs).toEqual([
      "2026-03-08T03:30:00-04 | local time 02:30 does not exist that day; runs at 03:30 after the clocks go forward",
    ]);
    expect(run(cron("0,30 2-3 * * *")).runs).toEqual([
      "2026-03-08T03:00:00-04 | local times 02:00 and 02:30 do not exist that day; runs at 03:00 after the clocks go forward",
      "2026-03-08T03:30:00-04",
    ]);
    const daily: Schedule = {
      type: "calendar",
      times: ["02:15"],
      days: { every: "day", interval: 1 },
      timezone: NEW_YORK,
    };
    expect(run(daily).runs[0]).toContain("local time 02:15 does not exist that day; runs at 03:00");
  });

  it("is told of where something was left out", () => {
    const skipped = run(cron("30 2 * * *", { dst: { gap: "skip", fold: "first" } }));
    expect(skipped).toEqual({ runs: [], dropped: ["2026-03-08T03:00 1: local time 02:30 does not exist that day"] });
    expect(run(cron("*/15 2 * * *")).dropped).toEqual([
      "2026-03-08T03:00 1: local times 02:00, 02:15, 02:30 and 02:45 do not exist that day",
    ]);
    const rule: Schedule = {
      type: "rrule",
      rule: "RRULE:FREQ=DAILY",
      start: "2026-01-01T02:30:00",
      timezone: NEW_YORK,
    };
    expect(run(rule).dropped).toEqual(["2026-03-08T03:00 1: local time 02:30 does not exist that day"]);
  });

  it("is nothing to what does not mind it", () => {
    expect(run(cron("30 3 * * *"))).toEqual({ runs: ["2026-03-08T03:30:00-04"], dropped: [] });
    expect(run(cron("*/30 * * * *")).dropped).toEqual([]);
    const skip = { dst: { gap: "skip", fold: "first" } };
    expect(run(cron("30 2,3 * * *", skip)).runs).toEqual(["2026-03-08T03:30:00-04"]);
    expect(run(restricted(cron("30 2 * * *", skip), { weekdays: WORKDAYS })).dropped).toEqual([]);
    expect(run(restricted(cron("30 2 * * *"), { weekdays: WORKDAYS })).dropped).toEqual([
      "2026-03-08T03:00 1: 2026-03-08 is a Sunday",
    ]);
  });
});

it("a fold: says which pass it is", () => {
  const [first, second] = explain(
    cron("30 1 * * *", { dst: { gap: "next", fold: "both" } }),
    "2026-11-01T00:00-04:00",
    { count: 2 },
  ).runs;
  expect(first).toBe("2026-11-01T01:30:00-04 | the local time comes twice; this is the first pass");
  expect(second).toBe("2026-11-01T01:30:00-05 | the local time comes twice; this is the second pass");
});

it("what takes too long to search is shown as far as it is found", () => {
  const cron = (expression: string): Schedule => ({ type: "cron", expression, timezone: "UTC" });
  const endless: Schedule = {
    type: "any",
    of: [
      { type: "once", at: 1_000 },
      { type: "all", of: [cron("* * 1-31/2 * *"), cron("* * 2-30/2 * *")] },
    ],
  };
  const { occurrences, isComplete } = explainOccurrences(endless, { from: 0, count: 5 });
  expect([occurrences.map(({ at }) => at), isComplete]).toEqual([[1_000], false]);
});

describe("exclusions", () => {
  it("are listed with their reason, those in a row together", () => {
    const rules = { weekdays: WORKDAYS, calendars: holidays, excludeDates: ["2026-12-28"] };
    expect(explain(restricted(cron("0 9,10 * * *"), rules), "2026-12-24T10:00-05:00", { count: 2 })).toEqual({
      runs: ["2026-12-24T10:00:00-05", "2026-12-29T09:00:00-05"],
      dropped: [
        "2026-12-25T09:00 2: calendar holidays excludes 2026-12-25",
        "2026-12-26T09:00 2: 2026-12-26 is a Saturday",
        "2026-12-27T09:00 2: 2026-12-27 is a Sunday",
        "2026-12-28T09:00 2: 2026-12-28 is excluded",
      ],
    });
    const nights = restricted(cron("0 * * * *"), { windows: [{ from: 82_800, to: 7_200 }] });
    expect(explain(nights, "2026-12-24T22:00-05:00", { count: 4 })).toEqual({
      runs: [
        "2026-12-24T23:00:00-05",
        "2026-12-25T00:00:00-05 | in the window that began on 2026-12-24",
        "2026-12-25T01:00:00-05 | in the window that began on 2026-12-24",
        "2026-12-25T23:00:00-05",
      ],
      dropped: ["2026-12-24T22:00 1: outside 23:00-02:00", "2026-12-25T02:00 21: outside 23:00-02:00"],
    });
  });

  it("are noted on what was moved", () => {
    const rules = { weekdays: WORKDAYS, calendars: holidays, move: "next" as const };
    expect(explain(restricted(cron("0 9 25 * *"), rules), "2026-12-01T00:00-05:00", { count: 1 })).toEqual({
      runs: ["2026-12-28T09:00:00-05 | moved from 2026-12-25, which calendar holidays excludes"],
      dropped: [],
    });
    expect(explain(restricted(cron("0 9 * * *"), rules), "2026-12-25T00:00-05:00", { count: 1 }).runs).toEqual([
      "2026-12-28T09:00:00-05 | moved from 2026-12-25, which calendar holidays excludes" +
        " | moved from 2026-12-26, which is a Saturday | moved from 2026-12-27, which is a Sunday",
    ]);
    expect(
      explain(restricted(cron("30 2 7 * *"), { weekdays: [0], move: "next" }), "2026-03-01T00:00-05:00", { count: 1 })
        .runs,
    ).toEqual([
      "2026-03-08T03:00:00-04 | moved from 2026-03-07, which is a Saturday; local time 02:30 does not exist on the day to which it was moved",
    ]);
  });

  it("say when nothing was near enough", () => {
    const february = Array.from({ length: 60 }, (_, day) =>
      new Date(Date.UTC(2026, 1, 1 + day)).toISOString().slice(0, 10),
    );
    const rules = { excludeDates: february, move: "next" as const };
    const to = Date.parse("2026-02-02T00:00-05:00");
    expect(explain(restricted(cron("0 9 1 2 *"), rules), "2026-02-01T00:00-05:00", { count: 1, to }).dropped).toEqual([
      "2026-02-01T09:00 1: 2026-02-01 is excluded, and there is no free day within 31 days to which it could be moved",
    ]);
  });

  it("say when what was moved does not fit", () => {
    const rules = { windows: [{ from: 7_200, to: 10_800 }], weekdays: [0], move: "next" as const };
    expect(explain(restricted(cron("30 2 7 * *"), rules), "2026-03-01T00:00-05:00", { count: 1 })).toEqual({
      runs: ["2026-04-12T02:30:00-04 | moved from 2026-04-07, which is a Tuesday"],
      dropped: [
        "2026-03-07T02:30 1: 2026-03-07 is a Saturday, and moved to 2026-03-08 it is outside of the windows or bounds",
      ],
    });
  });

  it("of combinations name what takes them away, unless another part has them", () => {
    const except: Schedule = { type: "except", of: [cron("0 8-10 * * *"), cron("0 9 * * *")] };
    expect(explain(except, "2026-01-01T08:00-05:00", { count: 2 })).toEqual({
      runs: ["2026-01-01T08:00:00-05", "2026-01-01T10:00:00-05"],
      dropped: ["2026-01-01T09:00 1: excepted: at 09:00, every day, America/New_York"],
    });
    const any: Schedule = { type: "any", of: [except, { type: "once", at: Date.parse("2026-01-01T09:00-05:00") }] };
    expect(explain(any, "2026-01-01T08:00-05:00", { count: 3 }).dropped).toEqual([]);
  });

  it("are not listed without end", () => {
    const schedule = restricted(cron("* * * * * *"), { weekdays: [1] });
    const { dropped, droppedIsComplete } = explainOccurrences(schedule, {
      from: Date.parse("2026-01-02T05:00Z"),
      count: 1,
    });
    expect(dropped.length).toBeLessThanOrEqual(100);
    expect(droppedIsComplete).toBe(false);
  });
});

it("a spread: says when it starts, which changes nothing else", () => {
  const schedule = restricted(cron("0 9 * * *"), { spreadMs: 30_000 });
  const from = "2026-01-01T00:00-05:00";
  expect(explain(schedule, from, { count: 1 }).runs).toEqual(["2026-01-01T09:00:00-05 | starts up to 30s later"]);
  const nine = Date.parse("2026-01-01T09:00-05:00");
  const start = new Date(nine + startDelay(schedule, "job-1", nine)).toISOString();
  expect(explain(schedule, from, { count: 1, jobKey: "job-1" }).runs).toEqual([
    `2026-01-01T09:00:00-05 | starts up to 30s later: at ${start}`,
  ]);
});

describe("local times", () => {
  it("are in the schedule's zone, with their offset", () => {
    const [first] = explainOccurrences(cron("30 2 * * *"), {
      from: Date.parse("2026-03-08T00:00Z"),
      count: 1,
    }).occurrences;
    expect(first?.local).toBe("2026-03-08T03:00:00-04:00[America/New_York]");
  });

  it("are in the one that is asked for where it has none", () => {
    const schedule: Schedule = { type: "once", at: 0 };
    const local = (timezone?: string) =>
      explainOccurrences(schedule, { from: 0, count: 1, ...(timezone && { timezone }) }).occurrences[0]?.local;
    expect([local(), local("Asia/Kathmandu")]).toEqual([
      "1970-01-01T00:00:00+00:00[UTC]",
      "1970-01-01T05:30:00+05:30[Asia/Kathmandu]",
    ]);
  });
});

it("has both ends of the stretch that is asked for, and is all that there is in it, kept or dropped", () => {
  const hour = 3_600_000;
  const middle = Date.parse("2026-03-08T00:00Z");
  const rules = fc.record(
    {
      weekdays: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 }),
      windows: fc.array(
        fc.record({ from: fc.constantFrom(0, 7_200, 79_200), to: fc.constantFrom(3_600, 10_800, 86_400) }),
        { minLength: 1 },
      ),
      excludeDates: fc.uniqueArray(fc.constantFrom("2026-03-05", "2026-03-08", "2026-03-09"), { minLength: 1 }),
    },
    { requiredKeys: [] },
  );
  const expression = fc.constantFrom("30 2 * * *", "0 */3 * * *", "0 9 * * 1-5", "15 0-4 * * *");
  fc.assert(
    fc.property(expression, rules, fc.integer({ min: -90, max: 90 }), (text, given, offset) => {
      const range = { from: middle + offset * hour, to: middle + offset * hour + 96 * hour };
      const { occurrences, dropped } = explainOccurrences(restricted(cron(text), given), { ...range, count: 1_000 });
      const count = dropped.reduce((sum, drop) => sum + (drop.reason.includes("exist") ? 0 : drop.count), 0);
      expect(count + occurrences.length).toBe(occurrencesBetween(cron(text), range.from - 1, range.to, 1_000).length);
    }),
    { numRuns: 200 },
  );
});
