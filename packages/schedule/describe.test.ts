import fc from "fast-check";
import { expect, describe as group, it } from "vitest";
import { parseCron } from "./cron.ts";
import { describe } from "./describe.ts";
import { ScheduleError } from "./errors.ts";
import { preview } from "./occurrences.ts";
import type { Schedule } from "./schedule.ts";

const NEW_YORK = "America/New_York";
const cron = (expression: string, timezone = NEW_YORK): Schedule => parseCron(expression, timezone);

group("cron", () => {
  it("has the words of its fields, and its zone", () => {
    expect(describe(cron("0 9 * * 1-5"))).toBe("At 09:00, Monday to Friday, America/New_York");
  });

  it("says that either of two days will do, as it is", () => {
    expect(describe(cron("0 9 13 * 5"))).toBe("At 09:00, on the 13th of every month or every Friday, America/New_York");
    const days = preview(cron("0 9 13 * 5", "UTC"), Date.parse("2026-01-08T00:00Z"), 3);
    expect(days.map((at) => new Date(at).toUTCString().slice(0, 7))).toEqual(["Fri, 09", "Tue, 13", "Fri, 16"]);
  });

  it("names a rule for changes of the clocks that is not the usual one", () => {
    const schedule: Schedule = { type: "cron", expression: "30 2 * * *", timezone: NEW_YORK };
    expect(describe({ ...schedule, dst: { gap: "shift", fold: "both" } })).toBe(
      "At 02:30, every day, America/New_York (local times that the clocks skip come later by as much, those that come twice count both times)",
    );
    expect(describe({ ...schedule, dst: { gap: "next", fold: "first" } })).toBe(
      "At 02:30, every day, America/New_York",
    );
    expect(describe({ ...schedule, expression: "30 * * * *", dst: { gap: "next", fold: "first" } })).toContain(
      "first time",
    );
    expect(describe({ ...schedule, expression: "30 * * * *", dst: { gap: "skip", fold: "both" } })).not.toContain("(");
  });

  const field = (max: number, min: number, ...special: string[]) => {
    const value = fc.integer({ min, max });
    const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
    const step = fc
      .tuple(fc.oneof(fc.constant("*"), range, value), fc.integer({ min: 1, max: 31 }))
      .map((p) => p.join("/"));
    const item = fc.oneof(value.map(String), range, step, fc.constantFrom("*", ...special));
    const items = fc.array(item, { minLength: 1, maxLength: 3 }).map((list) => list.join(","));
    return fc.oneof(fc.constant("*"), item, items);
  };
  const fields = [
    fc.oneof(fc.constant("0"), field(59, 0)),
    field(59, 0),
    field(23, 0),
    field(31, 1, "L", "LW", "L-3", "15W", "L-2W", "1W"),
    field(12, 1, "JAN", "MAR-MAY"),
    field(7, 0, "MON", "5L", "FRIL", "1#2", "TUE#1", "MON-FRI"),
  ] as const;

  it("has a sentence for each expression that is accepted", () => {
    let told = 0;
    fc.assert(
      fc.property(fc.tuple(...fields), (values) => {
        const schedule = accepted(values.join(" "));
        if (schedule === null) return;
        told += 1;
        expect(describe(schedule)).toMatch(/^(?:At|Every) [^"]*, America\/New_York$/);
        expect(describe(schedule)).not.toMatch(/undefined|null|NaN|, ,|[*#]/);
      }),
      { numRuns: 1_500 },
    );
    expect(told).toBeGreaterThan(500);
  });
});

/** Null for what is no cron expression, or never runs. */
function accepted(expression: string): Schedule | null {
  try {
    return cron(expression);
  } catch (error) {
    if (error instanceof ScheduleError) return null;
    throw error;
  }
}

group("calendar", () => {
  it("has the words of its times and days, its zone, and a rule that is not the usual one", () => {
    const schedule: Schedule = {
      type: "calendar",
      times: ["14:30"],
      days: { every: "week", interval: 2, weekdays: [1, 4] },
      timezone: "Europe/Berlin",
    };
    expect(describe(schedule)).toBe("At 14:30, every 2 weeks on Monday and Thursday, Europe/Berlin");
    expect(describe({ ...schedule, dst: { gap: "skip", fold: "last" } })).toBe(
      "At 14:30, every 2 weeks on Monday and Thursday, Europe/Berlin " +
        "(local times that the clocks skip are left out, those that come twice count the second time)",
    );
  });
});

const jan = Date.parse("2026-01-01T00:00:00Z");
const MINUTE = 60_000;

group("instants and rules", () => {
  it.each<[Schedule, string]>([
    [{ type: "interval", everyMs: 15 * MINUTE, anchor: jan }, "Every 15 minutes"],
    [{ type: "interval", everyMs: MINUTE, anchor: jan }, "Every minute"],
    [{ type: "interval", everyMs: 90 * MINUTE, anchor: jan }, "Every 1h30m from 2026-01-01T01:30:00Z"],
    [{ type: "interval", everyMs: 1440 * MINUTE, anchor: jan }, "Every 24 hours from 2026-01-02T00:00:00Z"],
    [{ type: "interval", everyMs: 7 * 1440 * MINUTE, anchor: jan }, "Every 7 days from 2026-01-08T00:00:00Z"],
    [{ type: "once", at: jan }, "Once at 2026-01-01T00:00:00Z"],
    [{ type: "instants", at: [jan, jan + 1] }, "At 2026-01-01T00:00:00Z and 2026-01-01T00:00:00.001Z"],
    [
      { type: "instants", at: [jan, jan + 1, jan + 2, jan + 3_000] },
      "At 4 instants from 2026-01-01T00:00:00Z to 2026-01-01T00:00:03Z",
    ],
  ])("%j: %s", (schedule, words) => {
    expect(describe(schedule)).toBe(words);
  });

  it("recurrence rules", () => {
    const words = (rule: string) =>
      describe({ type: "rrule", rule, start: "2026-01-05T21:30:00", timezone: "Europe/Berlin" });
    expect(words("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE\nEXDATE:20260119T203000Z")).toBe(
      "Every 2 weeks on Monday and Wednesday at 21:30, Europe/Berlin, from 5 January 2026, except for 1 instant",
    );
    expect(words("RRULE:FREQ=DAILY;BYHOUR=0,12;BYMINUTE=5")).toBe(
      "Every day at 00:05 and 12:05, Europe/Berlin, from 5 January 2026",
    );
    expect(words("RRULE:FREQ=YEARLY;BYYEARDAY=100")).toBe(
      "By the rule FREQ=YEARLY;BYYEARDAY=100, Europe/Berlin, from 5 January 2026",
    );
  });
});

group("what is made of others", () => {
  const every15: Schedule = { type: "interval", everyMs: 15 * MINUTE, anchor: 0 };

  it("any, all and except", () => {
    expect(describe({ type: "any", of: [cron("0 9 * * 1-5"), cron("0 12 * * 6", "UTC")] })).toBe(
      "At 09:00, Monday to Friday, America/New_York; or at 12:00, every Saturday, UTC",
    );
    expect(describe({ type: "except", of: [every15, cron("0 * * * *", "UTC")] })).toBe(
      "Every 15 minutes; but not every hour, UTC",
    );
    expect(describe({ type: "all", of: [cron("0 9 13 * *", "UTC"), cron("0 9 * * 5", "UTC")] })).toBe(
      "At 09:00, on the 13th of every month, UTC; only where this is so too: at 09:00, every Friday, UTC",
    );
    const inner: Schedule = { type: "any", of: [every15, cron("0 9 * * *", "UTC")] };
    expect(describe({ type: "except", of: [inner, every15] })).toBe(
      "(Every 15 minutes; or at 09:00, every day, UTC); but not every 15 minutes",
    );
  });

  it("bounds and exceptions", () => {
    expect(
      describe({
        type: "restricted",
        of: every15,
        timezone: NEW_YORK,
        start: Date.parse("2026-01-01T00:00-05:00"),
        excludeDates: ["2026-12-25"],
        windows: [{ from: 7_200, to: 14_400 }],
      }),
    ).toBe("Every 15 minutes, from 2026-01-01, except on 25 December 2026, only 02:00-04:00, America/New_York");
    expect(
      describe({
        type: "restricted",
        of: cron("0 9 25 * *"),
        timezone: NEW_YORK,
        end: Date.parse("2027-01-01T12:30-05:00"),
        weekdays: [1, 2, 3, 4, 5],
        calendars: [{ name: "holidays", mode: "exclude", dates: ["2026-12-25"] }],
        move: "next",
        spreadMs: 30_000,
      }),
    ).toBe(
      "At 09:00, on the 25th of every month, America/New_York, until 2027-01-01 12:30, only Monday to Friday, " +
        "not on the dates of calendar holidays, moved to the next free day where that is excluded, starting up to 30s later",
    );
  });
});
