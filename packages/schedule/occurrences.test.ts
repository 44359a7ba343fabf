import { describe, expect, it } from "vitest";
import { nextRun } from "./next-run.ts";
import { occurrencesBetween, preview } from "./occurrences.ts";
import { parseSchedule } from "./parse-schedule.ts";

const now = Date.parse("2025-02-10T10:07:30Z");
const iso = (instants: number[]) =>
  instants.map((instant) => new Date(instant).toISOString().replace(".000Z", "Z")).join(" ");

describe("preview", () => {
  it.each([
    [
      "0 9 * * *",
      "2025-02-11T09:00:00Z 2025-02-12T09:00:00Z 2025-02-13T09:00:00Z 2025-02-14T09:00:00Z 2025-02-15T09:00:00Z",
    ],
    [
      "*/15 * * * *",
      "2025-02-10T10:15:00Z 2025-02-10T10:30:00Z 2025-02-10T10:45:00Z 2025-02-10T11:00:00Z 2025-02-10T11:15:00Z",
    ],
    [
      "0 0 * * 0",
      "2025-02-16T00:00:00Z 2025-02-23T00:00:00Z 2025-03-02T00:00:00Z 2025-03-09T00:00:00Z 2025-03-16T00:00:00Z",
    ],
    ["30s", "2025-02-10T10:08:00Z 2025-02-10T10:08:30Z 2025-02-10T10:09:00Z 2025-02-10T10:09:30Z 2025-02-10T10:10:00Z"],
    ["5m", "2025-02-10T10:12:30Z 2025-02-10T10:17:30Z 2025-02-10T10:22:30Z 2025-02-10T10:27:30Z 2025-02-10T10:32:30Z"],
    ["2h", "2025-02-10T12:07:30Z 2025-02-10T14:07:30Z 2025-02-10T16:07:30Z 2025-02-10T18:07:30Z 2025-02-10T20:07:30Z"],
    ["1d", "2025-02-11T10:07:30Z 2025-02-12T10:07:30Z 2025-02-13T10:07:30Z 2025-02-14T10:07:30Z 2025-02-15T10:07:30Z"],
    [
      "@every 15m",
      "2025-02-10T10:22:30Z 2025-02-10T10:37:30Z 2025-02-10T10:52:30Z 2025-02-10T11:07:30Z 2025-02-10T11:22:30Z",
    ],
    [
      "@every 1h30m",
      "2025-02-10T11:37:30Z 2025-02-10T13:07:30Z 2025-02-10T14:37:30Z 2025-02-10T16:07:30Z 2025-02-10T17:37:30Z",
    ],
    [
      "@hourly",
      "2025-02-10T11:00:00Z 2025-02-10T12:00:00Z 2025-02-10T13:00:00Z 2025-02-10T14:00:00Z 2025-02-10T15:00:00Z",
    ],
    [
      "@daily",
      "2025-02-11T00:00:00Z 2025-02-12T00:00:00Z 2025-02-13T00:00:00Z 2025-02-14T00:00:00Z 2025-02-15T00:00:00Z",
    ],
    [
      "@midnight",
      "2025-02-11T00:00:00Z 2025-02-12T00:00:00Z 2025-02-13T00:00:00Z 2025-02-14T00:00:00Z 2025-02-15T00:00:00Z",
    ],
    [
      "@weekly",
      "2025-02-16T00:00:00Z 2025-02-23T00:00:00Z 2025-03-02T00:00:00Z 2025-03-09T00:00:00Z 2025-03-16T00:00:00Z",
    ],
    [
      "@monthly",
      "2025-03-01T00:00:00Z 2025-04-01T00:00:00Z 2025-05-01T00:00:00Z 2025-06-01T00:00:00Z 2025-07-01T00:00:00Z",
    ],
    [
      "@annually",
      "2026-01-01T00:00:00Z 2027-01-01T00:00:00Z 2028-01-01T00:00:00Z 2029-01-01T00:00:00Z 2030-01-01T00:00:00Z",
    ],
    [
      "@yearly",
      "2026-01-01T00:00:00Z 2027-01-01T00:00:00Z 2028-01-01T00:00:00Z 2029-01-01T00:00:00Z 2030-01-01T00:00:00Z",
    ],
    [
      "* * * * *",
      "2025-02-10T10:08:00Z 2025-02-10T10:09:00Z 2025-02-10T10:10:00Z 2025-02-10T10:11:00Z 2025-02-10T10:12:00Z",
    ],
    [
      "0 0 * * *",
      "2025-02-11T00:00:00Z 2025-02-12T00:00:00Z 2025-02-13T00:00:00Z 2025-02-14T00:00:00Z 2025-02-15T00:00:00Z",
    ],
    [
      "0 9-17 * * 1-5",
      "2025-02-10T11:00:00Z 2025-02-10T12:00:00Z 2025-02-10T13:00:00Z 2025-02-10T14:00:00Z 2025-02-10T15:00:00Z",
    ],
    [
      "30 15 * * 5",
      "2025-02-14T15:30:00Z 2025-02-21T15:30:00Z 2025-02-28T15:30:00Z 2025-03-07T15:30:00Z 2025-03-14T15:30:00Z",
    ],
    [
      "*/30 * * * *",
      "2025-02-10T10:30:00Z 2025-02-10T11:00:00Z 2025-02-10T11:30:00Z 2025-02-10T12:00:00Z 2025-02-10T12:30:00Z",
    ],
  ])("%s in UTC from 2025-02-10T10:07:30Z", (text, five) => {
    const schedule = parseSchedule(text, { timezone: "UTC", anchor: now });
    expect(iso(preview(schedule, now, 5))).toBe(five);
  });

  it("stops when the schedule is over", () => {
    for (const text of ["2024-12-15T09:00:00Z", "2024-12-15T09:00:00+00:00"]) {
      const schedule = parseSchedule(text, { timezone: "UTC", anchor: now });
      expect(iso(preview(schedule, Date.parse("2024-12-01T00:00:00Z"), 5))).toBe("2024-12-15T09:00:00Z");
      expect(preview(schedule, now, 5)).toEqual([]);
    }
  });
});

describe("occurrencesBetween", () => {
  const schedule = parseSchedule("*/15 * * * *", { timezone: "UTC", anchor: 0 });
  const [first, last] = [Date.parse("2025-02-10T10:15:00Z"), Date.parse("2025-02-10T11:00:00Z")];

  it("leaves out its beginning and takes in its end", () => {
    expect(iso(occurrencesBetween(schedule, first, last, 100))).toBe(
      "2025-02-10T10:30:00Z 2025-02-10T10:45:00Z 2025-02-10T11:00:00Z",
    );
    expect(occurrencesBetween(schedule, first, last - 1, 100)).toHaveLength(2);
    expect(occurrencesBetween(schedule, first - 1, last, 100)).toHaveLength(4);
  });

  it("gives no more than asked for", () => {
    expect(occurrencesBetween(schedule, first, last, 2)).toHaveLength(2);
    expect(occurrencesBetween(schedule, first, last, 0)).toEqual([]);
  });
});

describe("an interval", () => {
  it("never drifts from its anchor, however late it is asked", () => {
    const schedule = parseSchedule("7s", { timezone: "UTC", anchor: now + 1 });
    expect(nextRun(schedule, 0)).toBe(now + 1 + 7_000);
    expect(nextRun(schedule, now + 1 + 7_000)).toBe(now + 1 + 14_000);
    expect(nextRun(schedule, now + 1 + 7_000 * 1e6 + 6_999)).toBe(now + 1 + 7_000 * (1e6 + 1));
  });
});
