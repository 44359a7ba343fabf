import { describe, expect, it } from "vitest";
import { nextCron, parseCron } from "./cron.ts";
import { ScheduleError } from "./errors.ts";

describe("a zone in front", () => {
  it.each([
    ["TZ=Europe/Rome 0 9 * * *", "Europe/Rome"],
    ["CRON_TZ=asia/kathmandu  0 9 * * *", "Asia/Kathmandu"],
    ["0 9 * * *", "America/New_York"],
  ])("%j runs at 09:00 in %s", (text, timezone) => {
    expect(parseCron(text, "America/New_York")).toEqual({ type: "cron", expression: "0 9 * * *", timezone });
  });

  it("may be that of a named schedule", () => {
    expect(parseCron("TZ=Europe/Rome @daily", "UTC")).toEqual({
      type: "cron",
      expression: "0 0 * * *",
      timezone: "Europe/Rome",
    });
  });

  it.each([
    ["TZ=Mars/Olympus 0 9 * * *", 'schedule "TZ=Mars/Olympus 0 9 * * *": unknown time zone "Mars/Olympus"'],
    ["TZ= 0 9 * * *", 'schedule "TZ= 0 9 * * *": unknown time zone ""'],
    ["TZ=UTC", 'schedule "TZ=UTC" must contain 5 fields (or 6, with seconds first)'],
    ["TZ=UTC 0 9 * *", 'schedule "TZ=UTC 0 9 * *" must contain 5 fields (or 6, with seconds first)'],
    ["TZ=UTC 0 25 * * *", 'schedule "TZ=UTC 0 25 * * *": hour must be 0-23'],
  ])("refuses %j", (text, message) => {
    expect(() => parseCron(text, "UTC")).toThrow(expect.objectContaining({ field: "schedule", message }));
  });
});

describe("days", () => {
  it.each(["0 0 L * *", "0 0 L-3 * *", "0 0 LW * *", "0 0 L-3W * *", "0 0 1W,15W,LW * *", "0 0 * * 1#2,FRI#4,7L"])(
    "takes %s",
    (text) => {
      expect(parseCron(text, "UTC").expression).toBe(text);
    },
  );

  it.each([
    ["0 0 32W * *", /: day of month must be 1-31/],
    ["0 0 0W * *", /: day of month must be 1-31/],
    ["0 0 L-31 * *", /: day of month must be 1-31/],
    ["0 0 WL * *", /: day of month must be 1-31/],
    ["0 0 1-5W * *", /: day of month must be 1-31/],
    ["0 0 L,L * *", /: day of month lists L more than once$/],
    ["0 0 * * 1#6", /: day of week must be 0-7/],
    ["0 0 * * 1#2,1#2", /: day of week lists 1#2 more than once$/],
    ["0 0 30W 2 *", /^unable to find next run for schedule "0 0 30W 2 \*"$/],
  ])("refuses %s", (text, message) => {
    expect(() => parseCron(text, "UTC")).toThrow(message);
  });
});

describe("what never runs", () => {
  it.each(["0 0 30 2 *", "0 0 31 4,6,9,11 *", "* * * 31W 2 *"])("%s is refused at once", (text) => {
    const attempt = () => {
      const began = performance.now();
      expect(() => parseCron(text, "UTC")).toThrow(ScheduleError);
      return performance.now() - began;
    };
    // Slow means slow each time: a pause of a busy machine is not the search's.
    expect(Math.min(...Array.from({ length: 5 }, attempt))).toBeLessThan(10);
  });

  it("is found out too where each occurrence falls into a gap that is to be skipped", () => {
    const schedule = parseCron("30 2 * 3 0#2", "America/New_York", { dst: { gap: "skip", fold: "first" } });
    const attempt = () => {
      const began = performance.now();
      expect(nextCron(schedule, Date.UTC(2026, 0, 1))).toBeNull();
      return performance.now() - began;
    };
    expect(Math.min(...Array.from({ length: 5 }, attempt))).toBeLessThan(10);
    // Before 2007 the clocks changed on other Sundays.
    expect(nextCron(schedule, Date.UTC(2005, 0, 1))).toBe(Date.parse("2005-03-13T02:30-05:00"));
  });
});
