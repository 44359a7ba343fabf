import { describe, expect, it } from "vitest";
import type { CombinedSchedule } from "./combined.ts";
import { nextRun } from "./next-run.ts";
import { occurrencesBetween, preview } from "./occurrences.ts";
import type { Schedule } from "./schedule.ts";

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;

const cron = (expression: string, timezone = "UTC"): Schedule => ({ type: "cron", expression, timezone });
const every = (everyMs: number, anchor = 0): Schedule => ({ type: "interval", everyMs, anchor });
const once = (at: string): Schedule => ({ type: "once", at: Date.parse(at) });
const made = (type: CombinedSchedule["type"], ...of: Schedule[]): Schedule => ({ type, of });
const from = (text: string) => (schedule: Schedule, count: number) =>
  preview(schedule, Date.parse(text) - 1, count).map((at) => new Date(at).toISOString().replace(".000Z", "Z"));

const in2026 = from("2026-01-01T00:00Z");

describe("any", () => {
  it("runs at every instant of one of them", () => {
    expect(in2026(made("any", cron("0 9 * * 1-5"), cron("0 12 * * 6")), 4)).toEqual([
      "2026-01-01T09:00:00Z",
      "2026-01-02T09:00:00Z",
      "2026-01-03T12:00:00Z",
      "2026-01-05T09:00:00Z",
    ]);
  });

  it("has an instant that several have once", () => {
    expect(in2026(made("any", cron("0 * * * *"), every(2 * HOUR), cron("30 1 * * *")), 4)).toEqual([
      "2026-01-01T00:00:00Z",
      "2026-01-01T01:00:00Z",
      "2026-01-01T01:30:00Z",
      "2026-01-01T02:00:00Z",
    ]);
  });

  it("goes on when one of them has ended, and ends with the last", () => {
    const twice = made("any", once("2026-01-01T01:00Z"), once("2026-01-03T01:00Z"));
    expect(in2026(twice, 5)).toEqual(["2026-01-01T01:00:00Z", "2026-01-03T01:00:00Z"]);
  });

  it("goes on when one of them is never found, however much was looked at for it", () => {
    const never = made("all", every(DAY + 1), cron("0 9 * * *"));
    const rare = made("all", every(DAY + 60 * SECOND, Date.parse("2026-01-01T09:01Z")), cron("0 9 * * *"));
    expect(nextRun(never, 0)).toBeNull();
    expect(in2026(made("any", never, rare), 1)).toEqual(in2026(rare, 1));
  });
});

describe("all", () => {
  it("runs at instants that every one of them has", () => {
    expect(in2026(made("all", cron("0 9 13 * *"), cron("0 9 * * 5")), 3)).toEqual([
      "2026-02-13T09:00:00Z",
      "2026-03-13T09:00:00Z",
      "2026-11-13T09:00:00Z",
    ]);
    expect(in2026(made("all", cron("*/5 * * * *"), cron("*/7 * * * *"), cron("0-40 8 * * *")), 3)).toEqual([
      "2026-01-01T08:00:00Z",
      "2026-01-01T08:35:00Z",
      "2026-01-02T08:00:00Z",
    ]);
  });

  it("compares instants, not what clocks show: nine in Berlin is three in New York, but not in March", () => {
    const both = made("all", cron("0 9 * * *", "Europe/Berlin"), cron("0 3 * * *", "America/New_York"));
    const march = occurrencesBetween(both, Date.parse("2026-03-06T00:00Z"), Date.parse("2026-03-31T00:00Z"), 40);
    // The Americans change their clocks on 8 March, the Europeans on 29 March.
    expect(march.map((at) => new Date(at).getUTCDate())).toEqual([6, 7, 29, 30]);
  });

  it("finds where intervals meet, however long that takes", () => {
    const [first = 0, second = 0] = preview(
      made("all", every(61 * SECOND), every(67 * SECOND, 5 * SECOND)),
      67 * SECOND,
      2,
    );
    expect([first % (61 * SECOND), first % (67 * SECOND)]).toEqual([0, 5 * SECOND]);
    expect(first).toBeLessThan(67 * SECOND + 61 * 67 * SECOND);
    expect(second - first).toBe(61 * 67 * SECOND);
    // Once in 1,000,003 × 1,000,033 s, which is more than thirty thousand years: only one lies before the year 10000.
    const primes = made("all", every(1_000_003 * SECOND, 7 * SECOND), every(1_000_033 * SECOND, 7 * SECOND));
    expect(nextRun(primes, 0)).toBeNull();
    const meet = 1_000_003 * 1_000_033 * SECOND;
    const last = Date.parse("9000-01-01T00:00Z");
    const late = made("all", every(1_000_003 * SECOND, last - meet), every(1_000_033 * SECOND, last - meet));
    expect([nextRun(late, 0), nextRun(late, last)]).toEqual([last, null]);
    expect(nextRun(made("all", every(6 * SECOND), every(4 * SECOND, SECOND)), 0)).toBeNull();
  });

  it("waits until the slowest has begun", () => {
    expect(in2026(made("all", every(HOUR), every(HOUR, Date.parse("2026-03-01T00:00Z"))), 1)).toEqual([
      "2026-03-01T01:00:00Z",
    ]);
  });

  it("finds an interval that drifts through the day, years later", () => {
    // 86,400 / 7,201 is no whole number: it comes by nine o'clock every 7,201 days.
    expect(in2026(made("all", every(7_201 * SECOND), cron("0 9 * * *")), 1)).toEqual(["2036-07-16T09:00:00Z"]);
  });

  it("of one is that one, and of nothing is nothing", () => {
    expect(in2026(made("all", cron("0 9 * * *")), 1)).toEqual(["2026-01-01T09:00:00Z"]);
    for (const type of ["any", "all", "except"] as const) expect(nextRun(made(type), 0)).toBeNull();
  });
});

describe("except", () => {
  it("runs at instants of the first that none of the others has", () => {
    expect(in2026(made("except", cron("0 8-12 * * *"), cron("0 9 * * *"), every(2 * HOUR)), 3)).toEqual([
      "2026-01-01T11:00:00Z",
      "2026-01-02T11:00:00Z",
      "2026-01-03T11:00:00Z",
    ]);
  });

  it("can be taken back", () => {
    const notAtNine = made("except", cron("0 * * * *"), cron("0 9 * * *"));
    expect(in2026(made("except", cron("0 * * * *"), notAtNine), 2)).toEqual([
      "2026-01-01T09:00:00Z",
      "2026-01-02T09:00:00Z",
    ]);
  });

  it("gets over a long time without one", () => {
    const weekdays = made("except", cron("* * * * * *"), cron("* * * * * 1-6"));
    expect(in2026(weekdays, 2)).toEqual(["2026-01-04T00:00:00Z", "2026-01-04T00:00:01Z"]);
    const onlyFrom2029: Schedule = {
      type: "restricted",
      of: cron("* * * * *"),
      timezone: "UTC",
      end: Date.parse("2029-05-01T00:00Z"),
    };
    expect(in2026(made("except", cron("* * * * *"), onlyFrom2029), 1)).toEqual(["2029-05-01T00:00:00Z"]);
  });
});
