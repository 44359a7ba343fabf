import { expect, it } from "vitest";
import { describe } from "./describe.ts";
import { parseSchedule } from "./parse-schedule.ts";

it.each([
  ["0 9 * * *", "At 09:00, every day, America/New_York"],
  ["@every 90m", "every 1h30m"],
  ["1d", "every 1d"],
  ["2024-12-15T09:00:00Z", "once at 2024-12-15T09:00:00.000Z"],
])("describes %s", (text, line) => {
  expect(describe(parseSchedule(text, { timezone: "America/New_York", anchor: 0 }))).toBe(line);
});
