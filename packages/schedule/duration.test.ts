import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration } from "./duration.ts";

describe("parseDuration", () => {
  it.each([
    ["30s", 30_000],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["1h30m", 5_400_000],
    ["1.5h", 5_400_000],
    ["90s", 90_000],
    ["1500ms", 1_500],
    ["1d12h", 129_600_000],
    ["0.5d", 43_200_000],
    [".5m", 30_000],
    ["1.1s", 1_100],
    ["2s3s", 5_000],
    ["1s500000us", 1_500],
    ["1s500000µs", 1_500],
    ["1000000000ns", 1_000],
    ["+1m", 60_000],
    ["36500d", 3_153_600_000_000],
    ["2w", 1_209_600_000],
    ["PT1H30M", 5_400_000],
    ["PT90S", 90_000],
    ["PT1.5S", 1_500],
    ["PT0,5H", 1_800_000],
    ["P1D", 86_400_000],
    ["P1W", 604_800_000],
    ["P1DT12H", 129_600_000],
    ["pt15m", 900_000],
  ])("reads %s as %d ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    ["", 'parse duration "": invalid'],
    ["abc", 'parse duration "abc": invalid'],
    ["s", 'parse duration "s": invalid'],
    [".s", 'parse duration ".s": invalid'],
    ["5x", 'parse duration "5x": invalid'],
    ["5M", 'parse duration "5M": invalid, write 5m'],
    ["5 m", 'parse duration "5 m": invalid, write 5m'],
    ["5 minutes", 'parse duration "5 minutes": invalid, write 5m'],
    ["1.5hrs", 'parse duration "1.5hrs": invalid, write 1.5h'],
    ["500 MS", 'parse duration "500 MS": invalid, write 500ms'],
    ["1h 30m", 'parse duration "1h 30m": invalid'],
    ["1h30", 'parse duration "1h30": invalid'],
    ["1e3s", 'parse duration "1e3s": invalid'],
    ["5constructor", 'parse duration "5constructor": invalid'],
    ["90", 'parse duration "90": invalid, a unit is missing, for example 90s, 5m or 2h'],
    [
      "P1M",
      'parse duration "P1M": invalid, months and years have no fixed length; use a monthly or yearly schedule, or days',
    ],
    ["P1Y2DT1H", /: invalid, months and years have no fixed length; /],
    ["PT", 'parse duration "PT": invalid'],
    ["P1DT", 'parse duration "P1DT": invalid'],
    ["PT1.5H30M", 'parse duration "PT1.5H30M": invalid'],
    ["PT1.H", 'parse duration "PT1.H": invalid'],
    ["PT30M1H", 'parse duration "PT30M1H": invalid'],
    ["PT0S", 'parse duration "PT0S": invalid, must be at least 1s'],
    ["-PT1H", 'parse duration "-PT1H": invalid, must be positive'],
    ["-5m", 'parse duration "-5m": invalid, must be positive'],
    ["0s", 'parse duration "0s": invalid, must be at least 1s'],
    ["0", 'parse duration "0": invalid, must be at least 1s'],
    ["999ms", 'parse duration "999ms": invalid, must be at least 1s'],
    ["1.0005s", 'parse duration "1.0005s": invalid, must be a whole number of milliseconds'],
    ["1000000001ns", 'parse duration "1000000001ns": invalid, must be a whole number of milliseconds'],
    ["36501d", 'parse duration "36501d": invalid, must be at most 36500d'],
    [`${"9".repeat(50)}h`, `parse duration "${"9".repeat(50)}h": invalid, must be at most 36500d`],
    ["1h".repeat(51), `parse duration "${"1h".repeat(51)}": invalid, must have at most 100 characters`],
  ])("refuses %j", (text, message) => {
    expect(() => parseDuration(text)).toThrow(
      expect.objectContaining({
        code: "DURATION_INVALID",
        message: typeof message === "string" ? message : expect.stringMatching(message),
      }),
    );
  });
});

describe("formatDuration", () => {
  it("writes what parseDuration reads back", () => {
    expect(formatDuration(5_400_000)).toBe("1h30m");
    fc.assert(
      fc.property(fc.integer({ min: 1_000, max: 3_153_600_000_000 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});
