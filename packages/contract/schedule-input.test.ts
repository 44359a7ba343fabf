import { describe, expect, it } from "vitest";
import { scheduleInput } from "./schedule-input.ts";

const accepts = (input: unknown) => scheduleInput.safeParse(input).success;

describe("scheduleInput", () => {
  it.each([
    "every day at 9",
    { type: "cron", value: "0 9 * * *" },
    { type: "weekly", days: ["monday", 5], time: "09:00", windows: "08:00-10:00", jitter: "5m" },
    { type: "any", of: ["daily:09:00", { type: "all", of: ["@hourly", { type: "daily", time: "9:00" }] }] },
    { schedule_type: "daily", schedule_time: "09:00", schedule_config: { timezone: "UTC" } },
  ])("takes %j", (input) => {
    expect(accepts(input)).toBe(true);
  });

  it.each([
    null,
    "x".repeat(1001),
    {},
    { value: "0 9 * * *" },
    { type: "cron", value: "0 9 * * *", colour: "red" },
    { type: "weekly", time: "09:00" },
    { type: "any", of: [] },
    { type: "any", of: Array(21).fill("@daily") },
    { type: "cron", schedule_type: "daily", value: "0 9 * * *" },
  ])("refuses %j", (input) => {
    expect(accepts(input)).toBe(false);
  });

  it("refuses what is nested deeper than a stack, without walking through it", () => {
    let input: unknown = "@daily";
    for (let depth = 0; depth < 100_000; depth++) input = { type: "any", of: [input] };
    expect(accepts(input)).toBe(false);
  });
});
