import { describe, expect, it } from "vitest";
import { nextCombined } from "./combined.ts";
import { nextRun } from "./next-run.ts";
import { nextRestricted } from "./restricted.ts";
import type { Schedule } from "./schedule.ts";
import { isMade, isTooRare, MAX_STEPS, MAX_TOTAL_STEPS, type Search, startSearch } from "./search.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NEW_YORK = "America/New_York";
const from = Date.parse("2026-01-01T00:00Z");

const cron = (expression: string, timezone = NEW_YORK): Schedule => ({ type: "cron", expression, timezone });
const all = (...of: Schedule[]): Schedule => ({ type: "all", of });
const atNight = (of: Schedule, more: object = {}): Schedule => ({
  type: "restricted",
  of,
  timezone: NEW_YORK,
  windows: [{ from: 7_200, to: 14_400 }],
  ...more,
});
const interval = (everyMs: number, anchor = 0): Schedule => ({ type: "interval", everyMs, anchor });

/** The next occurrence, and how many questions were asked of inner schedules. */
function counted(schedule: Schedule): { next: number | null; asked: number } {
  let asked = 0;
  const ask = (inner: Schedule, after: number, search: Search): number | null => {
    asked += 1;
    if (!isMade(inner)) return nextRun(inner, after);
    return inner.type === "restricted" ? nextRestricted(inner, after, search) : nextCombined(inner, after, search);
  };
  return { next: startSearch(from, ask).next(schedule, from), asked };
}

describe("what can never be is found out by arithmetic", () => {
  it.each<[string, Schedule]>([
    ["odd seconds and even ones", all(cron("*/2 * * * * *"), cron("1-59/2 * * * * *"))],
    ["full hours and half past nine", all(cron("0 * * * *"), cron("30 9 * * *"))],
    ["full hours and half past nine in another zone", all(cron("0 * * * *"), cron("30 9 * * *", "Europe/Berlin"))],
    ["whole seconds and seconds from an odd moment", all(cron("* * * * * *"), interval(30_000, 123))],
    ["every second minute and its neighbours", all(interval(2 * MINUTE), interval(2 * MINUTE, MINUTE))],
    ["noon, at night", atNight(cron("0 12 * * *"))],
    ["each half hour at noon in UTC, at night in New York", atNight(cron("*/30 12 * * *", "UTC"))],
    ["noon, at night, moved to a Monday", atNight(cron("0 12 * * *"), { weekdays: [1], move: "next" })],
    ["each day at noon by elapsed time, at night", atNight(interval(24 * HOUR, from))],
    ["each second but each second", { type: "except", of: [cron("* * * * * *"), cron("* * * * * *")] }],
    [
      "dates of a calendar that are over",
      atNight(cron("* * * * *"), { calendars: [{ name: "old", mode: "include", dates: ["2020-01-01"] }] }),
    ],
    ["no weekday at all", atNight(cron("* * * * *"), { weekdays: [] })],
    ["no time of day at all", atNight(cron("* * * * *"), { windows: [] })],
  ])("%s", (_, schedule) => {
    const { next, asked } = counted(schedule);
    expect(next).toBeNull();
    expect(asked).toBeLessThan(MAX_STEPS / 4);
  });
});

describe("a search that nothing helps", () => {
  const hopeless: [string, Schedule][] = [
    ["days that miss each other", all(cron("* * 1-31/2 * *"), cron("* * 2-30/2 * *"))],
    ["the same seconds of the same weekdays", { type: "except", of: [cron("* * * * * 1-5"), cron("* * * * * 1-5")] }],
  ];

  it.each(hopeless)("ends after its steps: %s", (_, schedule) => {
    expect(() => counted(schedule)).toThrow(expect.objectContaining({ code: "SCHEDULE_TOO_RARE" }));
    expect(() => nextRun(schedule, from)).toThrow(/takes too long to search/);
  });

  it("says the same when it is asked again, and of a copy", () => {
    for (const [, schedule] of hopeless) {
      for (const same of [schedule, schedule, structuredClone(schedule)])
        expect(() => nextRun(same, from)).toThrow(expect.objectContaining({ code: "SCHEDULE_TOO_RARE" }));
    }
  });

  it("throws for all that it is a part of, unless another part is found before", () => {
    const [[, never]] = hopeless as [[string, Schedule]];
    const any = (...of: Schedule[]): Schedule => ({ type: "any", of });
    const later = cron("0 0 1 1 *");
    expect(nextRun(any(never, interval(MINUTE)), from)).toBe(from + MINUTE);
    expect(nextRun(any(interval(MINUTE), never), from)).toBe(from + MINUTE);
    expect(nextRun(any(never, all(never, never), interval(MINUTE)), from)).toBe(from + MINUTE);
    expect(nextRun(any(atNight(cron("0 3 * * *")), never), from)).toBe(Date.parse("2026-01-01T03:00-05:00"));
    for (const schedule of [
      any(never, { type: "once", at: Date.parse("2090-01-01T00:00Z") }),
      all(any(never, later), cron("30 9 1 2 *")),
      { type: "except", of: [never, later] } as Schedule,
    ])
      expect(() => nextRun(schedule, from)).toThrow(expect.objectContaining({ code: "SCHEDULE_TOO_RARE" }));
  });

  it("is one for all parts: what takes long in each of them ends as soon", () => {
    const rule = (text: string): Schedule => ({
      type: "rrule",
      rule: `RRULE:${text}`,
      start: "2026-01-01T00:00:00",
      timezone: "UTC",
    });
    const hard = () =>
      all(rule("FREQ=SECONDLY;INTERVAL=7"), rule("FREQ=MINUTELY;INTERVAL=13;BYSECOND=3"), cron("4 0 1 1 1 *"));
    const parts: Schedule = { type: "any", of: [hard(), hard(), hard(), hard()] };
    let asked = 0;
    const ask = (inner: Schedule, after: number, search: Search): number | null => {
      if (!isMade(inner)) {
        asked += inner.type === "rrule" ? 1 : 0;
        return nextRun(inner, after);
      }
      return inner.type === "restricted" ? nextRestricted(inner, after, search) : nextCombined(inner, after, search);
    };
    try {
      startSearch(from, ask).next(parts, from);
    } catch (error) {
      expect(isTooRare(error)).toBe(true);
    }
    expect(asked).toBeLessThanOrEqual(MAX_TOTAL_STEPS / 10);
  });

  it("finds what comes within ten years of two schedules of a day", () => {
    // A year has 365 days or 366, and the interval drifts by a minute each day.
    const start = Date.parse("2026-01-01T09:01Z") - 10 * 365 * 86_400_000;
    const drifting: Schedule = {
      type: "rrule",
      rule: "RRULE:FREQ=DAILY",
      start: "2026-01-01T09:00:00",
      timezone: "UTC",
    };
    const meets = nextRun(all(drifting, interval(86_400_000 + MINUTE, start)), from);
    expect(meets).not.toBeNull();
    expect((meets as number) - from).toBeGreaterThan(300 * 86_400_000);
  });
});

it("jumps over what is outside of a window: no second of the day is asked for", () => {
  const { next, asked } = counted(atNight(cron("* * * * * *")));
  expect(next).toBe(Date.parse("2026-01-01T02:00-05:00"));
  expect(asked).toBeLessThan(5);
});
