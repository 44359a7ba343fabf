import type { DstRule } from "@belfry/contract/dst.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CombinedSchedule } from "./combined.ts";
import { nextFound, nextRun } from "./next-run.ts";
import { occurrencesBetween } from "./occurrences.ts";
import type { RestrictedSchedule } from "./restricted.ts";
import { ruleOut } from "./rule-out.ts";
import type { Schedule } from "./schedule.ts";
import { startSearch } from "./search.ts";

/*
 * A second implementation, as plain as can be: it lists the occurrences of the plain schedules one by one, and makes of the
 * lists what the rules say, with Temporal for what the clocks show. Nothing of the product's search is used.
 */
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** More than one a minute for the longest window: a search that stands still must not run for ever. */
const MANY = 300_000;
/** What is moved comes from up to so far away. */
const MARGIN = 34 * DAY;

const RUNS = 25;

type Range = { from: number; to: number };

function brute(schedule: Schedule, { from, to }: Range): number[] {
  switch (schedule.type) {
    case "any":
      return sorted(schedule.of.flatMap((inner) => brute(inner, { from, to })));
    case "all":
      return schedule.of
        .map((inner) => brute(inner, { from, to }))
        .reduce((a, b) => {
          const others = new Set(b);
          return a.filter((at) => others.has(at));
        });
    case "except": {
      const [first, ...others] = schedule.of.map((inner) => brute(inner, { from, to }));
      const excepted = new Set(others.flat());
      return (first ?? []).filter((at) => !excepted.has(at));
    }
    case "restricted": {
      const margin = schedule.move === undefined ? 0 : MARGIN;
      const stay = brute(schedule.of, { from, to }).flatMap((at) => staying(schedule, at));
      const others = moved(schedule, { from: from - margin, to: to + margin });
      return sorted([...stay, ...others]).filter((at) => at > from && at <= to);
    }
    default:
      return occurrencesBetween(schedule, from, to, MANY);
  }
}

const sorted = (instants: number[]): number[] => [...new Set(instants)].sort((a, b) => a - b);

/** Where an occurrence stays, if it does. */
function staying(schedule: RestrictedSchedule, at: number): number[] {
  const day = windowDay(schedule, zoned(schedule, at));
  return day !== null && isFree(schedule, day) && isInBounds(schedule, at) ? [at] : [];
}

/** Where occurrences go that do not stay. Local times are those that were meant, also where a gap has made them later. */
function moved(schedule: RestrictedSchedule, { from, to }: Range): number[] {
  const { of, timezone } = schedule;
  if (schedule.move === undefined) return [];
  if ((of.type !== "cron" && of.type !== "calendar") || of.timezone !== timezone)
    return brute(of, { from, to }).flatMap((at) => movedFrom(schedule, zoned(schedule, at).toPlainDateTime()));
  return occurrencesBetween({ ...of, timezone: "UTC" }, from, to, MANY).flatMap((at) => {
    const meant = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO("UTC").toPlainDateTime();
    const own = placed(schedule, meant)[0];
    const isThere = own !== undefined && `${windowDay(schedule, own)}` === `${windowDay(schedule, meant)}`;
    return isThere ? movedFrom(schedule, meant) : [];
  });
}

function movedFrom(schedule: RestrictedSchedule, time: Temporal.PlainDateTime): number[] {
  const day = windowDay(schedule, time);
  if (day === null || isFree(schedule, day)) return [];
  const step = schedule.move === "next" ? 1 : -1;
  for (let days = step; Math.abs(days) <= 31; days += step) {
    if (!isFree(schedule, day.add({ days }))) continue;
    return placed(schedule, time.add({ days })).flatMap((there) => staying(schedule, there.epochMilliseconds));
  }
  return [];
}

function placed(schedule: RestrictedSchedule, time: Temporal.PlainDateTime): Temporal.ZonedDateTime[] {
  const { gap, fold } = ruleOf(schedule.of);
  const earlier = time.toZonedDateTime(schedule.timezone, { disambiguation: "earlier" });
  const later = time.toZonedDateTime(schedule.timezone, { disambiguation: "later" });
  if (earlier.equals(later)) return [earlier];
  if (earlier.toPlainDateTime().equals(time)) return { first: [earlier], last: [later], both: [earlier, later] }[fold];
  const next = earlier.getTimeZoneTransition("next");
  return { skip: [], shift: [later], next: next === null ? [] : [next] }[gap];
}

function ruleOf(of: Schedule): DstRule {
  if (of.type === "restricted") return ruleOf(of.of);
  if (of.type !== "cron" && of.type !== "calendar") return { gap: "shift", fold: "first" };
  if (of.dst !== undefined) return of.dst;
  const isWildcard =
    of.type === "cron" &&
    of.expression
      .split(" ")
      .slice(-5, -3)
      .some((field) => field.startsWith("*"));
  return isWildcard ? { gap: "skip", fold: "both" } : { gap: "next", fold: "first" };
}

const zoned = ({ timezone }: RestrictedSchedule, at: number): Temporal.ZonedDateTime =>
  Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timezone);

const isInBounds = ({ start = -Infinity, end = Infinity }: RestrictedSchedule, at: number): boolean =>
  at >= start && at < end;

function windowDay(
  { windows }: RestrictedSchedule,
  time: Temporal.ZonedDateTime | Temporal.PlainDateTime,
): Temporal.PlainDate | null {
  const second = time.hour * 3600 + time.minute * 60 + time.second;
  const today = time.toPlainDate();
  if (windows === undefined) return today;
  if (windows.some(({ from, to }) => second >= from && (to <= from || second < to))) return today;
  return windows.some(({ from, to }) => to <= from && second < to) ? today.subtract({ days: 1 }) : null;
}

function isFree({ excludeDates = [], weekdays, calendars = [] }: RestrictedSchedule, day: Temporal.PlainDate): boolean {
  if (excludeDates.includes(day.toString())) return false;
  if (weekdays !== undefined && !weekdays.includes(day.dayOfWeek % 7)) return false;
  return calendars.every(({ mode, dates }) => dates.includes(day.toString()) === (mode === "include"));
}

const ZONES = [
  "UTC",
  "America/New_York",
  "Australia/Lord_Howe",
  "America/Nuuk",
  "Africa/Cairo",
  "Antarctica/Troll",
  "Pacific/Apia",
];
/** The clocks of one or more of the zones change within a few days of each of these; Apia had no 30 December 2011. */
const MOMENTS = [
  "2025-03-09",
  "2025-03-30",
  "2025-04-05",
  "2025-04-25",
  "2025-10-05",
  "2025-10-26",
  "2025-11-02",
  "2011-12-30",
  "2026-01-01",
];

const zone = fc.constantFrom(...ZONES);
const moment = fc.constantFrom(...MOMENTS).map((date) => Date.parse(`${date}T00:00:00Z`));

const cron = fc
  .record({
    minute: fc.constantFrom("0", "30", "15", "*/15", "0,30", "*/7", "0-29/5", "7-59/13"),
    hour: fc.constantFrom("*", "2", "0", "23", "1-3", "*/2", "1-23/2", "9", "22-23"),
    day: fc.constantFrom("*", "*", "*", "1", "L", "*/2", "10-20", "26"),
    weekday: fc.constantFrom("*", "*", "*", "0", "1-5", "6", "1#2"),
    timezone: zone,
  })
  .map(
    ({ minute, hour, day, weekday, timezone }): Schedule => ({
      type: "cron",
      expression: `${minute} ${hour} ${day} * ${weekday}`,
      timezone,
    }),
  );

const interval = fc
  .record({
    everyMs: fc.constantFrom(15 * MINUTE, 61 * MINUTE, 90 * MINUTE, 5 * HOUR, 24 * HOUR, 25 * HOUR, 7 * DAY, 1_830_000),
    anchor: fc.constantFrom(0, 30 * MINUTE, 90_000, 7, Date.parse("2025-03-20T02:30:00Z")),
  })
  .map((fields): Schedule => ({ type: "interval", ...fields }));

const leaf = fc.oneof({ weight: 4, arbitrary: cron }, { weight: 1, arbitrary: interval });

const combined = (of: fc.Arbitrary<Schedule>): fc.Arbitrary<Schedule> =>
  fc.record({
    type: fc.constantFrom("any", "all", "except"),
    of: fc.array(of, { minLength: 1, maxLength: 3 }),
  }) satisfies fc.Arbitrary<CombinedSchedule>;

/** Days around the moment, so that they are met. */
const restrictedAround = (of: fc.Arbitrary<Schedule>, middle: number): fc.Arbitrary<RestrictedSchedule> => {
  const date = fc
    .integer({ min: -12, max: 12 })
    .map((days) => new Date(middle + days * DAY).toISOString().slice(0, 10));
  const dates = fc.uniqueArray(date, { maxLength: 12 }).map((list) => list.sort());
  const second = fc.constantFrom(0, 1, 2, 2.5, 3, 4, 9, 12, 22, 23, 24).map((hour) => hour * 3600);
  const window = fc.record({ from: second.map((s) => s % 86_400), to: second }).filter(({ from, to }) => from !== to);
  return fc.record(
    {
      type: fc.constant("restricted" as const),
      of,
      timezone: zone,
      start: fc.integer({ min: -9, max: 3 }).map((days) => middle + days * DAY + 90 * MINUTE),
      end: fc.integer({ min: 0, max: 9 }).map((days) => middle + days * DAY + 150 * MINUTE),
      excludeDates: dates,
      weekdays: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 }),
      windows: fc.array(window, { minLength: 1, maxLength: 3 }),
      calendars: fc.array(
        fc.record({ name: fc.constant("c"), mode: fc.constantFrom("include" as const, "exclude" as const), dates }),
        { maxLength: 2 },
      ),
      move: fc.constantFrom("next" as const, "previous" as const),
    },
    { requiredKeys: ["type", "of", "timezone"] },
  );
};

/** Everything that the search finds from the beginning of a window on, and from somewhere in it. */
function check(schedule: Schedule, range: Range, inside: number): void {
  const expected = brute(schedule, range);
  const found = occurrencesBetween(schedule, range.from, range.to, MANY);
  // As text, which is quicker to compare.
  if (found.join() !== expected.join()) expect(found.map(iso)).toEqual(expected.map(iso));
  // What takes too long to search lies years ahead, if anywhere.
  const next = nextFound(schedule, inside);
  expect(next !== null && next <= range.to ? next : null).toBe(expected.find((at) => at > inside) ?? null);
}

const iso = (at: number): string => new Date(at).toISOString();

const around = (middle: number, days: number): Range => ({ from: middle - days * DAY, to: middle + days * DAY });
const inside = fc.integer({ min: -3 * DAY, max: 3 * DAY });

describe("what is made of other schedules has the occurrences that the rules say", () => {
  it("for any, all and except, also of each other", () => {
    const schedule = fc.oneof(combined(leaf), combined(fc.oneof(leaf, combined(leaf))));
    fc.assert(
      fc.property(schedule, moment, inside, (made, middle, offset) => check(made, around(middle, 4), middle + offset)),
      { numRuns: RUNS * 2 },
    );
  });

  it("for bounds, dates, weekdays, windows and what is moved", () => {
    const sample = moment.chain((middle) =>
      fc.record({ middle: fc.constant(middle), made: restrictedAround(leaf, middle), offset: inside }),
    );
    fc.assert(
      fc.property(sample, ({ middle, made, offset }) => check(made, around(middle, 10), middle + offset)),
      { numRuns: RUNS * 3 },
    );
  });

  it("for all of it in each other", () => {
    const sample = moment.chain((middle) => {
      const restricted = restrictedAround(leaf, middle);
      const mixed = combined(fc.oneof(leaf, restricted));
      const made = fc.oneof(mixed, restrictedAround(mixed, middle), restrictedAround(restricted, middle));
      return fc.record({ middle: fc.constant(middle), made, offset: inside });
    });
    fc.assert(
      fc.property(sample, ({ middle, made, offset }) => check(made, around(middle, 4), middle + offset)),
      { numRuns: RUNS },
    );
  });

  it("and none of them lies in time that a search rules out", () => {
    const sample = moment.chain((middle) => {
      const restricted = restrictedAround(leaf, middle);
      const made = fc.oneof(combined(leaf), restricted, combined(fc.oneof(leaf, combined(leaf), restricted)));
      return fc.record({ middle: fc.constant(middle), made, offset: inside });
    });
    let ruledOut = 0;
    fc.assert(
      fc.property(sample, ({ middle, made, offset }) => {
        const from = middle + offset;
        const range = { from: from - 1, to: from + 4 * DAY };
        const until = ruleOut(made, from, startSearch(from, nextRun));
        ruledOut += Math.min(until, range.to) - from;
        expect(
          brute(made, range)
            .filter((at) => at < until)
            .map(iso),
        ).toEqual([]);
      }),
      { numRuns: RUNS * 3 },
    );
    expect(ruledOut).toBeGreaterThan(RUNS * DAY);
  });
});
