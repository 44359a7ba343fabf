import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ScheduleError } from "./errors.ts";
import { nextRun } from "./next-run.ts";
import { parseSchedule } from "./parse-schedule.ts";

const options = { timezone: "america/new_york", anchor: 1_000 };
const cron = (expression: string) => ({ type: "cron", expression, timezone: "America/New_York" });
const interval = (everyMs: number) => ({ type: "interval", everyMs, anchor: 1_000 });
const once = (iso: string) => ({ type: "once", at: Date.parse(iso) });

describe("parseSchedule", () => {
  it.each([
    ["0 9 * * *", cron("0 9 * * *")],
    ["  0  9 * * mon-fri ", cron("0 9 * * MON-FRI")],
    ["15 30 9 * * ?", cron("15 30 9 * * *")],
    ["0 0 * * 7", cron("0 0 * * 7")],
    ["0 0 L * *", cron("0 0 L * *")],
    ["0 0 * * 5L", cron("0 0 * * 5L")],
    ["0 0 30 2 1", cron("0 0 30 2 1")], // Mondays in February
    ["@hourly", cron("0 * * * *")],
    ["@daily", cron("0 0 * * *")],
    ["@midnight", cron("0 0 * * *")],
    ["@weekly", cron("0 0 * * 0")],
    ["@monthly", cron("0 0 1 * *")],
    ["@yearly", cron("0 0 1 1 *")],
    ["@annually", cron("0 0 1 1 *")],
    ["@every 15m", interval(900_000)],
    ["@every 1h30m", interval(5_400_000)],
    ["30s", interval(30_000)],
    ["1.5h", interval(5_400_000)],
    ["2024-12-15T09:00:00Z", once("2024-12-15T09:00:00Z")],
    ["2024-12-15T09:00:00.250+02:00", once("2024-12-15T07:00:00.250Z")],
    ["2024-12-15T09:00:00.123456+00:00", once("2024-12-15T09:00:00.123Z")],
    ["2024-12-15 09:00-0500", once("2024-12-15T14:00:00Z")],
  ])("reads %j", (text, schedule) => {
    expect(parseSchedule(text, options)).toEqual(schedule);
  });

  it.each([
    [{ type: "cron", value: "0 9 * * *" }, cron("0 9 * * *")],
    [{ type: "cron", value: "@daily" }, cron("0 0 * * *")],
    [{ type: "interval", value: "2h" }, interval(7_200_000)],
    [{ type: "interval", value: "@every 2h" }, interval(7_200_000)],
    [{ type: "once", value: "2024-12-15T09:00:00+00:00" }, once("2024-12-15T09:00:00Z")],
  ] as const)("reads %j", (input, schedule) => {
    expect(parseSchedule(input, options)).toEqual(schedule);
  });

  it.each([
    ["", "required: schedule"],
    ["   ", "required: schedule"],
    ["abc", 'schedule "abc" is neither a cron expression nor words that are understood, such as '],
    ["* * * *", 'schedule "* * * *" must contain 5 fields (or 6, with seconds first)'],
    ["* * * * * * *", 'schedule "* * * * * * *" must contain 5 fields (or 6, with seconds first)'],
    ["99 * * * *", 'schedule "99 * * * *": minute must be 0-59'],
    ["0 24 * * *", 'schedule "0 24 * * *": hour must be 0-23'],
    ["0 0 0 * *", 'schedule "0 0 0 * *": day of month must be 1-31, or L for the last day'],
    ["0 0 1 13 *", 'schedule "0 0 1 13 *": month must be 1-12 or JAN-DEC'],
    ["60 0 0 * * *", 'schedule "60 0 0 * * *": second must be 0-59'],
    ["0 0 * * 8", /^schedule "0 0 \* \* 8": day of week must be 0-7 or SUN-SAT \(0 and 7 are Sunday\)/],
    ["0 0 * * L", /: day of week must be 0-7/],
    ["0 0 * * 1#1.5", /: day of week must be 0-7/],
    ["0 0 1 1jan *", /: month must be 1-12/],
    ["0 0 1 january *", /: month must be 1-12/],
    ["0 0 WW * *", /: day of month must be 1-31/],
    ["a b c d e", /: minute must be 0-59/],
    ["1,,2 * * * *", /: minute must be 0-59/],
    ["*/0 * * * *", 'schedule "*/0 * * * *": minute must have a step of at least 1'],
    ["0 22-2 * * *", 'schedule "0 22-2 * * *": hour has a range that runs backwards (22-2)'],
    ["0 0 * * FRI-MON", 'schedule "0 0 * * FRI-MON": day of week has a range that runs backwards (5-1)'],
    ["0 9-17,12 * * *", 'schedule "0 9-17,12 * * *": hour lists 12 more than once'],
    [`0 0 * * ${"1L,".repeat(60)}2L`, /: day of week lists more than 60 values$/],
    [
      "H * * * *",
      'schedule "H * * * *": minute has H, a value that follows from the job\'s id: only a job can have it',
    ],
    ["0 H(0-3)/2 * * *", /: hour has H, a value that follows from the job's id: only a job can have it$/],
    ["0 0 30 2 *", 'unable to find next run for schedule "0 0 30 2 *"'],
    ["0 0 31 4,6,9,11 *", 'unable to find next run for schedule "0 0 31 4,6,9,11 *"'],
    ["@reboot", /^schedule "@reboot" must be @every <duration> or one of @hourly, @daily/],
    ["@every", 'parse duration "": invalid'],
    ["@every abc", 'parse duration "abc": invalid'],
    ["@every 0s", 'parse duration "0s": invalid, must be at least 1s'],
    ["@every -5m", 'parse duration "-5m": invalid, must be positive'],
    ["5x", 'parse duration "5x": invalid'],
    ["2024-12-15", /^schedule "2024-12-15" must be an ISO 8601 instant, for example/],
    ["2024-12-15T09:00:00", /^schedule "2024-12-15T09:00:00" needs an offset or Z at its end/],
    ["2024-02-30T09:00:00Z", 'schedule "2024-02-30T09:00:00Z" is not a date and time of the calendar'],
    ["9999-12-31T23:59:59-12:00", /is not a date and time of the calendar$/],
    ["2024-12-15T09:00:00Z[Europe/Berlin]", /must be an ISO 8601 instant/],
  ])("refuses %j", (text, message) => {
    const refused = expect(() => parseSchedule(text, options));
    refused.toThrow(ScheduleError);
    refused.toThrow(message);
  });

  it("refuses a zone that the runtime does not know, whatever the schedule", () => {
    expect(() => parseSchedule("30s", { timezone: "Mars/Olympus", anchor: 0 })).toThrow(
      expect.objectContaining({ field: "timezone", message: 'unknown time zone "Mars/Olympus"' }),
    );
  });

  it("does not take one type's text for another's", () => {
    expect(() => parseSchedule({ type: "interval", value: "0 9 * * *" }, options)).toThrow(/^parse duration "0 9/);
    expect(() => parseSchedule({ type: "cron", value: "30s" }, options)).toThrow(/must contain 5 fields/);
    expect(() => parseSchedule({ type: "once", value: "@daily" }, options)).toThrow(/must be an ISO 8601 instant/);
  });

  it("survives anything with a schedule or a ScheduleError, fast, and what it returns is plain JSON with a next run", () => {
    const cronish = fc
      .array(
        fc.oneof(
          fc.constantFrom(
            "*",
            "?",
            "L",
            "H",
            "W",
            "#",
            "/",
            "-",
            ",",
            "*/",
            "MON",
            "jan",
            "@every",
            "@",
            ".",
            "5",
            "0",
            "99",
            "1-5",
            "\u0000",
            "\ud800",
            "ſun",
          ),
          fc.constantFrom(" ", " ", " ", "\t"),
          fc.integer({ min: -1, max: 70 }).map(String),
        ),
        { maxLength: 40 },
      )
      .map((parts) => parts.join(""));
    const durationish = fc
      .array(fc.constantFrom("1", "0", ".", "h", "m", "s", "ms", "d", "-", "+", "@every ", "99999999"), {
        maxLength: 30,
      })
      .map((parts) => parts.join(""));
    const fields = fc
      .array(cronish, { minLength: 5, maxLength: 6 })
      .map((parts) => parts.map((part) => part.replace(/\s/g, "") || "*").join(" "));
    const long = fc
      .tuple(
        fc.constantFrom("1,", "*/1,", "1", ".", "1h", "@", "* ", "H(0-59)/1,", "a"),
        fc.integer({ min: 1, max: 1000 }),
      )
      .map(([part, times]) => part.repeat(times).slice(0, 1000));
    const text = fc.oneof(cronish, fields, durationish, long, fc.string({ maxLength: 1000, unit: "binary" }));
    const input = fc.oneof(
      text,
      fc.record({ type: fc.constantFrom("cron" as const, "interval" as const, "once" as const), value: text }),
    );
    const timezone = fc.oneof(
      { weight: 5, arbitrary: fc.constant("Europe/Dublin") },
      { weight: 1, arbitrary: fc.string() },
    );

    const attempt = (schedule: ScheduleInput, zone: string) => {
      const began = performance.now();
      try {
        const parsed = parseSchedule(schedule, { timezone: zone, anchor: 0 });
        expect(JSON.parse(JSON.stringify(parsed))).toEqual(parsed);
        const next = nextRun(parsed, Date.UTC(2026, 0, 1));
        if (parsed.type !== "once") expect(Number.isInteger(next)).toBe(true);
      } catch (error) {
        if (!(error instanceof ScheduleError)) throw error;
        expect(error.message.isWellFormed()).toBe(true);
        expect(error.message.length).toBeLessThan(400);
      }
      return performance.now() - began;
    };
    fc.assert(
      fc.property(input, timezone, (schedule, zone) => {
        // Slow means slow each time: a pause of a busy machine is not the parser's.
        const slow = Array.from({ length: 5 }).every(() => attempt(schedule, zone) > 10);
        expect(slow).toBe(false);
      }),
      { numRuns: 5_000 },
    );
  });
});
