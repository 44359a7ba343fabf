import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";
import { describe, expect, it } from "vitest";
import { assertHasFuture } from "./assert-has-future.ts";
import { parseSchedule } from "./parse-schedule.ts";

const now = Date.parse("2026-01-01T00:00:00Z");
const options = { timezone: "UTC", anchor: now };

describe("assertHasFuture", () => {
  it("gives the first run", () => {
    expect(assertHasFuture(parseSchedule("@every 15m", options), "@every 15m", now)).toBe(now + 900_000);
  });

  it.each(["2024-12-15T09:00:00Z", "2026-01-01T00:00:00Z"])("refuses %s, which is over", (text) => {
    for (const input of [text, { type: "once", value: text } as const]) {
      expect(() => assertHasFuture(parseSchedule(input, options), input, now)).toThrow(
        expect.objectContaining({
          code: "SCHEDULE_OVER",
          field: "schedule",
          message: `schedule "${text}" is over: ${text.replace("Z", ".000Z")} is in the past`,
        }),
      );
    }
  });

  it.each([
    [
      { type: "instants", values: ["2024-12-15T09:00:00Z", "2025-12-15T09:00:00Z"] },
      "2025-12-15T09:00:00.000Z is in the past",
    ],
    [
      { type: "rrule", value: "FREQ=DAILY;COUNT=3", start: "2025-12-01" },
      "it has no run after 2026-01-01T00:00:00.000Z",
    ],
  ] as const)("refuses %j", (input, why) => {
    expect(() => assertHasFuture(parseSchedule(input as ScheduleInput, options), input as ScheduleInput, now)).toThrow(
      expect.objectContaining({ code: "SCHEDULE_OVER", message: expect.stringMatching(`is over: ${why}$`) }),
    );
  });

  it("refuses what nobody finds out, and says so of the whole", () => {
    const input = { type: "any", of: [{ type: "all", of: ["0 9 1-31/2 * *", "0 9 2-30/2 * *"] }] } as ScheduleInput;
    const endless = { type: "all", of: ["* * 1-31/2 * *", "* * 2-30/2 * *"] } as ScheduleInput;
    expect(() => assertHasFuture(parseSchedule(input, options), input, now)).toThrow(
      expect.objectContaining({ code: "SCHEDULE_TOO_RARE" }),
    );
    expect(() => assertHasFuture(parseSchedule(endless, options), endless, now)).toThrow(
      /^schedule ".*" takes too long to search/,
    );
  });

  it("takes what runs beside a part of which none is found: that is searched no further than to the run", () => {
    const never = { type: "all", of: ["* * 1-31/2 * *", "* * 2-30/2 * *"] };
    const input = { type: "any", of: ["@every 1m", never] } as ScheduleInput;
    expect(assertHasFuture(parseSchedule(input, options), input, now)).toBe(now + 60_000);
  });

  it.each([
    { type: "cron", value: "0 12 * * *", windows: "02:00-04:00" },
    { type: "all", of: ["0 9 * * *", "0 10 * * *"] },
    { type: "except", of: ["0 9 * * *", "0 9 * * *"] },
  ] as ScheduleInput[])("says that %j never runs", (input) => {
    expect(() => assertHasFuture(parseSchedule(input, options), input, now)).toThrow(
      expect.objectContaining({
        code: "SCHEDULE_NEVER_RUNS",
        message: "schedule never runs: its parts and restrictions leave no run after 2026-01-01T00:00:00.000Z",
      }),
    );
  });

  it("says that it is over, if it has come to its end", () => {
    const input = { type: "cron", value: "0 12 * * *", end: "2025-12-31T00:00:00Z" } as ScheduleInput;
    expect(() => assertHasFuture(parseSchedule(input, options), input, now)).toThrow(
      expect.objectContaining({ code: "SCHEDULE_OVER" }),
    );
  });

  it("refuses a cron that never matches, also one that comes from elsewhere than parseSchedule", () => {
    const stored = { type: "cron", expression: "0 0 30 2 *", timezone: "Europe/Dublin" } as const;
    expect(() => assertHasFuture(stored, "0 0 30 2 *", now)).toThrow(
      'unable to find next run for schedule "0 0 30 2 *"',
    );
  });
});
