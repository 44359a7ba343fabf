import { DAY_MS, weekdayOf } from "./civil.ts";
import type { RestrictedSchedule } from "./restricted.ts";

/** Windows and dates of a restricted schedule, ready to be searched. Days are counted from 1970-01-01, local times in ms as if in UTC. */
export type Restrictions = {
  /** The day to which a local time belongs; null outside of the windows. */
  dayOf: (local: number) => number | null;
  /** Whether dates and weekdays leave a day free. */
  allows: (day: number) => boolean;
  /** The first free day that is not before `from`, or null. */
  nextAllowed: (from: number) => number | null;
  /** The first local time after one outside of the windows of a free day at which such a window begins, or null. */
  nextOpening: (local: number) => number | null;
  /** The spans of a day in which its local times lie, in ms from its midnight: disjoint, ascending, up to 48 hours. */
  spans: readonly Span[];
  /** Whether each day is free. */
  allowsAll: boolean;
  /** The same schedule with nothing but its windows. */
  windowsOnly: RestrictedSchedule;
};

export type Span = { from: number; to: number };

/** A hundred years: exceptions that leave no day free for longer leave none. */
const MAX_DAYS = 36_600;

/** Schedules are read from the database again and again, but searched more than once each time. */
const known = new WeakMap<RestrictedSchedule, Restrictions>();

export function restrictionsOf(schedule: RestrictedSchedule): Restrictions {
  let restrictions = known.get(schedule);
  if (restrictions === undefined) {
    restrictions = compile(schedule);
    known.set(schedule, restrictions);
  }
  return restrictions;
}

function compile(schedule: RestrictedSchedule): Restrictions {
  const { of, timezone, excludeDates = [], weekdays, windows, calendars = [] } = schedule;
  const excluded = new Set<number>();
  const included: Set<number>[] = [];
  for (const date of excludeDates) excluded.add(dayNumber(date));
  for (const { mode, dates } of calendars) {
    const days = dates.map(dayNumber);
    if (mode === "include") included.push(new Set(days));
    else for (const day of days) excluded.add(day);
  }
  const lastIncluded = Math.min(...included.map((days) => [...days].reduce((a, b) => Math.max(a, b), -Infinity)));
  const allows = (day: number): boolean =>
    (weekdays === undefined || weekdays.includes(weekdayOf(day))) &&
    !excluded.has(day) &&
    included.every((days) => days.has(day));

  const nextAllowed = (from: number): number | null => {
    const last = Math.min(from + MAX_DAYS, lastIncluded);
    for (let day = from; day <= last; day++) if (allows(day)) return day;
    return null;
  };
  const spans = spansOf(windows);
  return {
    spans,
    allows,
    nextAllowed,
    nextOpening: (local) => {
      const today = Math.floor(local / DAY_MS);
      // Windows of the day before may open after midnight, and those of tomorrow before they do.
      const openings = [today - 1, today, today + 1]
        .filter(allows)
        .flatMap((day) => spans.map((span) => day * DAY_MS + span.from))
        .filter((opening) => opening > local);
      if (openings.length > 0) return Math.min(...openings);
      const day = nextAllowed(today + 2);
      return day === null || spans[0] === undefined ? null : day * DAY_MS + spans[0].from;
    },
    windowsOnly: { type: "restricted", of, timezone, ...(windows && { windows }) },
    allowsAll: weekdays === undefined && excluded.size === 0 && included.length === 0,
    dayOf: (local) => {
      const day = Math.floor(local / DAY_MS);
      const time = local - day * DAY_MS;
      const holds = (at: number) => spans.some(({ from, to }) => at >= from && at < to);
      if (holds(time)) return day;
      return holds(time + DAY_MS) ? day - 1 : null;
    },
  };
}

/**
 * What lies after midnight belongs to the day on which its window began: `22:00-04:00` on a Friday goes on until Saturday at
 * 04:00, and on a date that is excluded it does not begin. Where a window of the new day has the same time, that one counts.
 */
function spansOf(windows: RestrictedSchedule["windows"]): Span[] {
  if (windows === undefined) return [{ from: 0, to: DAY_MS }];
  const heads: Span[] = [];
  const tails: Span[] = [];
  for (const { from, to } of windows) {
    heads.push({ from: from * 1_000, to: to > from ? to * 1_000 : DAY_MS });
    if (to <= from) tails.push({ from: DAY_MS, to: DAY_MS + to * 1_000 });
  }
  const taken = merged(heads);
  const left = merged(tails).flatMap((tail) => cut(tail, taken));
  return merged([...taken, ...left]);
}

function merged(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (span.from >= span.to) continue;
    if (last !== undefined && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else result.push({ ...span });
  }
  return result;
}

/** What of a tail the heads of the next day leave. */
function cut(tail: Span, heads: readonly Span[]): Span[] {
  const left: Span[] = [];
  let { from } = tail;
  for (const head of heads) {
    if (head.from + DAY_MS > from) left.push({ from, to: Math.min(tail.to, head.from + DAY_MS) });
    from = Math.max(from, head.to + DAY_MS);
  }
  left.push({ from, to: tail.to });
  return left.filter(({ from: begin, to }) => begin < to);
}

/** Of `2026-12-25`. */
function dayNumber(date: string): number {
  return Math.floor(Date.parse(`${date}T00:00:00Z`) / DAY_MS);
}
