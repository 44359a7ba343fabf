import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextRun } from "./next-run.ts";
import { occurrencesBetween } from "./occurrences.ts";
import { parseSchedule } from "./parse-schedule.ts";

/*
 * A second implementation, as plain as can be: it looks at every minute around an offset change, asks Temporal what the clocks
 * show, and applies the rule as it is written. Nothing of the product's search, zone cache or parsing is used.
 */
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** More than one a minute, which is the most that is tried: a search that stands still must not run for ever. */
const MANY = 10_000;

type Minute = { at: number; minute: number; hour: number; day: number; month: number; weekday: number };
type Window = { zone: string; name: string; start: number; end: number; instants: Minute[]; civil: Minute[] };

function lookAround(zone: string, middle: number): Window {
  const start = middle - 40 * HOUR;
  const end = middle + 40 * HOUR;
  const instants: Minute[] = [];
  for (let at = start + MINUTE; at <= end; at += MINUTE) {
    const { minute, hour, day, month, dayOfWeek } = local(zone, at);
    instants.push({ at, minute, hour, day, month, weekday: dayOfWeek % 7 });
  }
  // Every local time there could be, whether or not the zone's clocks showed it; the margin is wider than any offset change.
  const civil: Minute[] = [];
  const first = wallClock(local(zone, start).toPlainDateTime()) - 26 * HOUR;
  for (let at = first; at <= first + end - start + 52 * HOUR; at += MINUTE) {
    const date = new Date(at);
    civil.push({
      at,
      minute: date.getUTCMinutes(),
      hour: date.getUTCHours(),
      day: date.getUTCDate(),
      month: date.getUTCMonth() + 1,
      weekday: date.getUTCDay(),
    });
  }
  return { zone, name: `${zone} ${new Date(middle).toISOString()}`, start, end, instants, civil };
}

function local(zone: string, at: number): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
}

function wallClock(time: Temporal.PlainDateTime): number {
  return time.toZonedDateTime("UTC").epochMilliseconds;
}

/** The first instant at which the zone's clocks show a local time, or have jumped over it. */
function firstInstant(zone: string, civil: number): number {
  const time = new Date(civil).toISOString().slice(0, 19);
  const early = Temporal.PlainDateTime.from(time).toZonedDateTime(zone, { disambiguation: "earlier" });
  if (wallClock(early.toPlainDateTime()) === civil) return early.epochMilliseconds;
  // Swallowed. Offsets change on whole minutes in the years looked at.
  let at = Math.floor(early.epochMilliseconds / MINUTE) * MINUTE;
  while (wallClock(local(zone, at).toPlainDateTime()) < civil) at += MINUTE;
  return at;
}

// `*`, `*/n`, `a`, `a-b`, `a-b/n` and lists of these.
function holds(field: string, value: number, min: number, max: number): boolean {
  return field.split(",").some((item) => {
    const [range = "", step = "1"] = item.split("/");
    const [from = 0, to = from] = range === "*" ? [min, max] : range.split("-").map(Number);
    return value >= from && value <= to && (value - from) % Number(step) === 0;
  });
}

function expected(text: string, { zone, start, end, instants, civil }: Window): number[] {
  const fields = text.split(" ");
  if (fields.length === 5) fields.unshift("0");
  const [second = "", minute = "", hour = "", day = "", month = "", weekday = ""] = fields;
  const matches = (time: Minute) => {
    if (!holds(minute, time.minute, 0, 59) || !holds(hour, time.hour, 0, 23) || !holds(month, time.month, 1, 12))
      return false;
    const byDay = holds(day, time.day, 1, 31);
    const byWeekday = holds(weekday, time.weekday, 0, 6);
    return day !== "*" && weekday !== "*" ? byDay || byWeekday : byDay && byWeekday;
  };
  const seconds = Array.from({ length: 60 }, (_, s) => s).filter((s) => holds(second, s, 0, 59));
  const wildcard = minute.startsWith("*") || hour.startsWith("*");
  const found = wildcard
    ? instants.filter(matches).flatMap(({ at }) => seconds.map((s) => at + s * 1000))
    : civil.filter(matches).flatMap(({ at }) => seconds.map((s) => firstInstant(zone, at + s * 1000)));
  return [...new Set(found)].filter((at) => at > start + MINUTE && at <= end).sort((a, b) => a - b);
}

const YEARS: [zone: string, from: string, to: string][] = [
  ["America/New_York", "2025-01-01", "2026-01-01"],
  ["Australia/Lord_Howe", "2025-01-01", "2026-01-01"],
  ["Africa/Cairo", "2010-01-01", "2011-01-01"], // four changes, for Ramadan
  ["Africa/Cairo", "2025-01-01", "2026-01-01"],
  ["Pacific/Apia", "2010-01-01", "2012-01-01"], // the skipped day among them
  ["Pacific/Kwajalein", "1969-01-01", "1970-01-01"], // 23 hours repeated
  ["America/Nuuk", "2023-01-01", "2026-01-01"], // 2023: forward, and not back
  ["Antarctica/Troll", "2025-01-01", "2026-01-01"],
  ["Europe/Dublin", "2025-01-01", "2026-01-01"], // winter is the exception there
  ["Africa/Casablanca", "2026-01-01", "2027-01-01"],
];

const windows = [lookAround("Asia/Kathmandu", Date.UTC(2025, 1, 28)), lookAround("UTC", Date.UTC(2024, 11, 31))];
for (const [zone, from, to] of YEARS) {
  let change = Temporal.PlainDate.from(from).toZonedDateTime(zone).getTimeZoneTransition("next");
  while (change !== null && Temporal.PlainDateTime.compare(change.toPlainDateTime(), to) < 0) {
    windows.push(lookAround(zone, change.epochMilliseconds));
    change = change.getTimeZoneTransition("next");
  }
}

const EXPRESSIONS = [
  "* * * * *",
  "*/15 * * * *",
  "*/7 1-3 * * *",
  "0 * * * *",
  "20 */2 * * *",
  "0 9 * * *",
  "0 0 * * *",
  "30 0 * * *",
  "15,45 1,2 * * *",
  "0-59/10 0-3 * * *",
  "30 2 * * 0",
  "45 23 * * *",
  "0,30 22-23 * * 6",
  "0 12 30,31 * *",
  "5 4 1-7 * 0",
  "0 0-23 * * *",
  "10,50 59 23 * * *",
  "*/20 */10 1 * * *",
];

describe("nextRun against minute by minute", () => {
  it.each(windows.map((window) => [window.name, window] as const))("around %s", (_, window) => {
    for (const text of EXPRESSIONS) {
      const schedule = parseSchedule(text, { timezone: window.zone, anchor: 0 });
      expect(occurrencesBetween(schedule, window.start + MINUTE, window.end, MANY), text).toEqual(
        expected(text, window),
      );
    }
  });

  it("holds for any expression, from any instant", () => {
    const value = (min: number, max: number) => fc.integer({ min, max });
    const field = (min: number, max: number, stars: number) =>
      fc.oneof(
        { weight: stars, arbitrary: fc.constant("*") },
        { weight: 1, arbitrary: value(1, Math.ceil(max / 2)).map((step) => `*/${step}`) },
        { weight: 2, arbitrary: value(min, max).map(String) },
        {
          weight: 2,
          arbitrary: fc.uniqueArray(value(min, max), { minLength: 2, maxLength: 4 }).map((list) => list.join(",")),
        },
        {
          weight: 2,
          arbitrary: fc
            .tuple(value(min, max), value(min, max), value(1, 4))
            .map(([a, b, step]) => `${Math.min(a, b)}-${Math.max(a, b)}/${step}`),
        },
      );
    const expression = fc
      .tuple(
        field(0, 59, 1),
        fc.oneof(field(0, 23, 1), field(0, 4, 1), field(21, 23, 1)),
        field(1, 31, 8),
        fc.constant("*"),
        field(0, 6, 8),
      )
      .map((fields) => fields.join(" "));
    const place = fc.tuple(value(0, windows.length - 1), value(0, 80 * 60), value(-1, 1));

    fc.assert(
      fc.property(expression, place, (text, [index, minutes, ms]) => {
        const window = windows[index];
        if (window === undefined) throw new Error("no such window");
        const schedule = parseSchedule(text, { timezone: window.zone, anchor: 0 });
        const all = expected(text, window);
        expect(occurrencesBetween(schedule, window.start + MINUTE, window.end, MANY)).toEqual(all);
        const after = Math.max(window.start + MINUTE, window.start + minutes * MINUTE + ms);
        const first = all.find((at) => at > after);
        if (first === undefined) expect(nextRun(schedule, after) ?? Infinity).toBeGreaterThan(window.end);
        else expect(nextRun(schedule, after)).toBe(first);
      }),
      { numRuns: 600 },
    );
  });
});
