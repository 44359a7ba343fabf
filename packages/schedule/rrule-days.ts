import { DAY_MS, modulo, weekdayOf } from "./civil.ts";
import { MAX_INSTANT } from "./instant.ts";
import type { Frequency, RruleParts } from "./rrule-parts.ts";
import { segmentAt } from "./zone.ts";

/** Instants of a rule, ascending, from one on. */
export type InstantsFrom = (from: number) => Generator<number>;

type Frame = {
  /** Periods (days, weeks, months or years) are numbered without a break, days from 1970-01-01. */
  periodOf: (day: number) => number;
  firstDay: (period: number) => number;
};

/** A date's place in its month and its year, and how long these are. */
type Place = { month: number; ofMonth: number; monthDays: number; ofYear: number; yearDays: number };

const WEEKDAYS = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];

/**
 * After so many days in vain a rule is over: 120 years of them. Nothing in the calendar makes anybody wait longer than the 40 for
 * 29 February on a given weekday, across 2100.
 */
const MAX_EMPTY_DAYS = 120 * 366;

/**
 * A rule of days, weeks, months or years (RFC 5545, 3.3.10), read date by date. What it does not say comes from `start`, a local date and
 * time (ISO 8601): without BYDAY the day of a week by its number (BYWEEKNO) too. Local times that a gap swallows are left out, also if
 * the start is one; of those that come twice the first counts. A year of weeks is that to which the RFC numbers them, which may begin
 * in December. COUNT is the caller's to keep.
 */
export function readByDays(parts: RruleParts, start: string, timezone: string): InstantsFrom {
  const startsAt = Date.parse(`${start}Z`);
  const startDay = Math.floor(startsAt / DAY_MS);
  const { periodOf, firstDay } = frameOf(parts);
  const [interval, firstPeriod] = [Number(parts.get("INTERVAL") ?? 1), periodOf(startDay)];
  const matches = dayMatcher(parts, startDay);
  const times = timesOfDay(parts, startsAt - startDay * DAY_MS);
  const positions = numbers(parts, "BYSETPOS");
  const begin = shiftedInstant(startsAt, timezone);
  const until = parts.get("UNTIL");
  const end = until === undefined ? MAX_INSTANT : Temporal.Instant.from(until).epochMilliseconds;

  function* instantsOf(day: number): Generator<number> {
    for (const time of times) {
      const instant = instantAt(day * DAY_MS + time, timezone);
      if (instant !== null) yield instant;
    }
  }

  return function* (from) {
    const earliest = Math.max(from, begin);
    const today = Math.floor((earliest + segmentAt(timezone, earliest).offset) / DAY_MS);
    const current = periodOf(today);
    let looked = 0;
    for (let period = current + modulo(firstPeriod - current, interval); ; period += interval) {
      const first = firstDay(period);
      // Said so that it ends as well where a date is none, beyond those that the runtime has.
      if (looked > MAX_EMPTY_DAYS || !(first * DAY_MS <= end + DAY_MS)) return;
      const days: number[] = [];
      for (let day = first, after = firstDay(period + 1); day < after; day++, looked++)
        if (matches(day)) days.push(day);
      // What is chosen by its place is counted from the first of the period, be it before the start.
      const wanted = positions === undefined ? days.filter((day) => day >= today) : days;
      for (const instant of chosen(wanted.length * times.length, positions, wanted.values().flatMap(instantsOf))) {
        if (instant < earliest) continue;
        if (instant > end) return;
        looked = 0;
        yield instant;
      }
    }
  };
}

/** Those at the given positions of some instants, of which there are at most `most`. */
function chosen(most: number, positions: number[] | undefined, instants: Iterable<number>): Iterable<number> {
  if (positions === undefined) return instants;
  if (positions.every((position) => Math.abs(position) > most)) return [];
  const all = [...instants];
  const picked = positions.map((position) => all.at(position > 0 ? position - 1 : position));
  return [...new Set(picked.filter((instant) => instant !== undefined))].sort((a, b) => a - b);
}

function frameOf(parts: RruleParts): Frame {
  const weekStart = WEEKDAYS.indexOf(parts.get("WKST") ?? "MO");
  const weekOf = (day: number) => day - modulo(weekdayOf(day) - weekStart, 7);
  switch (parts.get("FREQ") as Frequency) {
    case "YEARLY":
      if (!parts.has("BYWEEKNO")) return { periodOf: yearOf, firstDay: (year) => dayOf(year, 0) };
      // The first week is the first with four days in its year: the one that holds 4 January.
      return { periodOf: (day) => yearOf(weekOf(day) + 3), firstDay: (year) => weekOf(dayOf(year, 0) + 3) };
    case "MONTHLY":
      return {
        periodOf: (day) => yearOf(day) * 12 + new Date(day * DAY_MS).getUTCMonth(),
        firstDay: (month) => dayOf(0, month),
      };
    case "WEEKLY": {
      const offset = modulo(weekOf(0), 7);
      return { periodOf: (day) => Math.floor((day - offset) / 7), firstDay: (week) => week * 7 + offset };
    }
    default:
      return { periodOf: (day) => day, firstDay: (day) => day };
  }
}

const yearOf = (day: number): number => new Date(day * DAY_MS).getUTCFullYear();

/** The first day of a month, counted from January of a year. */
const dayOf = (year: number, month: number): number => new Date(0).setUTCFullYear(year, month, 1) / DAY_MS;

function dayMatcher(parts: RruleParts, startDay: number): (day: number) => boolean {
  const frequency = parts.get("FREQ") as Frequency;
  const [months, monthDays, yearDays, weeks] = ["BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"].map((name) =>
    numbers(parts, name),
  );
  const weekdays = parts
    .get("BYDAY")
    ?.split(",")
    .map((value) => ({ nth: Number(value.slice(0, -2)), weekday: WEEKDAYS.indexOf(value.slice(-2)) }));
  const byWeek = frequency === "WEEKLY" || weeks !== undefined;
  const inMonth = frequency === "MONTHLY" || months !== undefined;
  const { firstDay, periodOf } = frameOf(parts);
  const start = placeOf(startDay);
  const isFree = frequency !== "DAILY" && weekdays === undefined && monthDays === undefined && yearDays === undefined;

  return (day) => {
    const place = placeOf(day);
    if (months !== undefined && !months.includes(place.month)) return false;
    if (monthDays !== undefined && !isOneOf(monthDays, place.ofMonth, place.monthDays)) return false;
    if (yearDays !== undefined && !isOneOf(yearDays, place.ofYear, place.yearDays)) return false;
    if (weeks !== undefined) {
      const [year, weekYear] = [periodOf(day), firstDay(periodOf(day))];
      const week = Math.floor((day - weekYear) / 7) + 1;
      if (!isOneOf(weeks, week, (firstDay(year + 1) - weekYear) / 7)) return false;
    }
    if (weekdays !== undefined) {
      const [at, length] = inMonth ? [place.ofMonth, place.monthDays] : [place.ofYear, place.yearDays];
      const isNth = (nth: number) =>
        nth === 0 || isOneOf([nth], Math.ceil(at / 7), Math.ceil(at / 7) - 1 + Math.ceil((length + 1 - at) / 7));
      return weekdays.some(({ nth, weekday }) => weekday === weekdayOf(day) && isNth(nth));
    }
    if (!isFree) return true;
    // What the rule does not say comes from the start.
    if (byWeek) return weekdayOf(day) === weekdayOf(startDay);
    return place.ofMonth === start.ofMonth && (inMonth || place.month === start.month);
  };
}

function placeOf(day: number): Place {
  const date = new Date(day * DAY_MS);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  const [yearStart, monthStart] = [dayOf(year, 0), day - date.getUTCDate() + 1];
  return {
    month: month + 1,
    ofMonth: date.getUTCDate(),
    monthDays: dayOf(year, month + 1) - monthStart,
    ofYear: day - yearStart + 1,
    yearDays: dayOf(year + 1, 0) - yearStart,
  };
}

/** Whether the `at`th of so many is meant; -1 is the last. */
const isOneOf = (wanted: readonly number[], at: number, length: number): boolean =>
  wanted.includes(at) || wanted.includes(at - length - 1);

/** In ms since midnight, ascending. */
function timesOfDay(parts: RruleParts, start: number): number[] {
  const seconds = start / 1_000;
  const hours = numbers(parts, "BYHOUR") ?? [Math.floor(seconds / 3_600)];
  const minutes = numbers(parts, "BYMINUTE") ?? [Math.floor(seconds / 60) % 60];
  const last = numbers(parts, "BYSECOND") ?? [seconds % 60];
  const times = hours.flatMap((h) => minutes.flatMap((m) => last.map((s) => (h * 3_600 + m * 60 + s) * 1_000)));
  return times.sort((a, b) => a - b);
}

const numbers = (parts: RruleParts, name: string): number[] | undefined => parts.get(name)?.split(",").map(Number);

/** No local time is further from UTC, and no zone changes twice within so much time before and after it. */
const NEAR_MS = DAY_MS;

/** The first instant at which a zone shows a local time (ms, as if it were UTC), or null if a gap swallows it. */
export function instantAt(civil: number, timezone: string): number | null {
  for (const segment of [segmentAt(timezone, civil - NEAR_MS), segmentAt(timezone, civil + NEAR_MS)]) {
    const instant = civil - segment.offset;
    if (instant >= segment.start && instant < segment.end) return instant;
  }
  return null;
}

/** The same, but of one that a gap swallows as much later as the gap is long (RFC 5545, 3.3.5). */
function shiftedInstant(civil: number, timezone: string): number {
  return instantAt(civil, timezone) ?? civil - segmentAt(timezone, civil - NEAR_MS).offset;
}
