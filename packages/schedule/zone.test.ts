import { describe, expect, it } from "vitest";
import { resolveTimeZone, segmentAt } from "./zone.ts";

describe("resolveTimeZone", () => {
  it.each([
    ["UTC", "UTC"],
    ["utc", "UTC"],
    ["america/new_york", "America/New_York"],
    ["AMERICA/PORT-AU-PRINCE", "America/Port-au-Prince"],
    ["Etc/GMT+5", "Etc/GMT+5"],
    // A link keeps its name: it may be split from its target by a later release of the time zone database.
    ["US/Eastern", "US/Eastern"],
    ["Asia/Kathmandu", "Asia/Kathmandu"],
  ])("%s is %s", (name, canonical) => {
    expect(resolveTimeZone(name)).toBe(canonical);
  });

  it.each([
    "",
    " ",
    "Mars/Olympus",
    "+02:00",
    "-05",
    "UTC+2",
    "Z",
    " UTC",
    "UTC\n",
    "2020-01-01T00:00Z[UTC]",
    "UTC[u-ca=iso8601]",
    "\u0000",
    "\ud800",
    "../UTC",
    "local",
  ])("refuses %j", (name) => {
    expect(() => resolveTimeZone(name)).toThrow(
      expect.objectContaining({
        code: "TIMEZONE_UNKNOWN",
        field: "timezone",
        message: expect.stringMatching(/^unknown time zone "/),
      }),
    );
  });
});

describe("segmentAt", () => {
  it("gives the offset of each instant, whatever the order of asking", () => {
    const hours = Array.from(
      { length: 3_000 },
      (_, i) => Date.UTC(1990, 0, 1) + ((i * 7_919) % 3_000) * 146 * 3_600_000,
    );
    for (const zone of [
      "America/New_York",
      "Australia/Lord_Howe",
      "Pacific/Apia",
      "Africa/Casablanca",
      "Asia/Kathmandu",
      "UTC",
    ]) {
      for (const instant of hours) {
        const segment = segmentAt(zone, instant);
        const local = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(zone);
        expect(segment.offset).toBe(local.offsetNanoseconds / 1e6);
        expect(segment.start <= instant && instant < segment.end).toBe(true);
      }
    }
  });

  it("meets its neighbours exactly at the change", () => {
    const change = Date.parse("2025-03-09T07:00:00Z");
    expect(segmentAt("America/New_York", change - 1)).toMatchObject({ end: change, offset: -5 * 3_600_000 });
    expect(segmentAt("America/New_York", change)).toMatchObject({
      start: change,
      offset: -4 * 3_600_000,
      shownBefore: Date.parse("2025-03-09T02:00:00Z"),
    });
  });
});
