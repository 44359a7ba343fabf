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

  it("refuses what runs, but has a part for which every search would be in vain", () => {
    // They meet, if ever, after 86 million days.
    const never = { type: "all", of: [{ type: "interval", value: "24h1ms" }, "0 9 * * *"] };
    const input = { type: "any", of: ["@every 1m", never] } as ScheduleInput;
    expect(() => assertHasFuture(parseSchedule(input, options), input, now)).toThrow(
      expect.objectContaining({ code: "SCHEDULE_TOO_RARE" }),
    );
  });

  it("refuses a cron that never matches, also one that comes from elsewhere than parseSchedule", () => {
    const stored = { type: "cron", expression: "0 0 30 2 *", timezone: "Europe/Dublin" } as const;
    expect(() => assertHasFuture(stored, "0 0 30 2 *", now)).toThrow(
      'unable to find next run for schedule "0 0 30 2 *"',
    );
  });
});
