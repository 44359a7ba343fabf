/**
 * Search on civil time: dates and times of day without a zone. A civil time is written as the milliseconds that it would have in UTC.
 */
export type CivilPattern = {
  seconds: Int8Array;
  minutes: Int8Array;
  hours: Int8Array;
  /** Bit 1 is January. */
  months: number;
  /** Whether a day of a month matches, given the month's length and the weekday (0 is Sunday) of its first day. */
  matchesDay: (day: number, daysInMonth: number, firstWeekday: number) => boolean;
  /** The days that match, one mask for each of the 28 shapes a month can have; -1 is not yet computed. */
  dayMasks: Int32Array;
};

const DAY_MS = 86_400_000;
const UNKNOWN = -1;

/** For each value the smallest member that is not below it, or -1: what the search steps by. */
export function nextTable(members: readonly number[], size: number): Int8Array {
  const table = new Int8Array(size).fill(-1);
  let next = -1;
  for (let value = size - 1; value >= 0; value--) {
    if (members.includes(value)) next = value;
    table[value] = next;
  }
  return table;
}

export function emptyDayMasks(): Int32Array {
  return new Int32Array(28).fill(UNKNOWN);
}

/** The first matching civil time that is not before `from`, or null when there is none before `limit`. */
export function nextCivil(pattern: CivilPattern, from: number, limit: number): number | null {
  const today = Math.floor(from / DAY_MS);
  let day = nextDay(pattern, today, limit);
  if (day === today) {
    const time = nextTimeOfDay(pattern, Math.ceil((from - today * DAY_MS) / 1000));
    if (time !== -1) return today * DAY_MS + time * 1000;
    day = nextDay(pattern, today + 1, limit);
  }
  return day === null ? null : day * DAY_MS + nextTimeOfDay(pattern, 0) * 1000;
}

/** In seconds since midnight; -1 when nothing is left today. `second` may be 86400. */
function nextTimeOfDay({ hours, minutes, seconds }: CivilPattern, second: number): number {
  const h = Math.floor(second / 3600);
  const m = Math.floor(second / 60) % 60;
  let hour = at(hours, h);
  if (hour === h) {
    let minute = at(minutes, m);
    if (minute === m) {
      const exact = at(seconds, second % 60);
      if (exact !== -1) return h * 3600 + m * 60 + exact;
      minute = at(minutes, m + 1);
    }
    if (minute !== -1) return h * 3600 + minute * 60 + at(seconds, 0);
    hour = at(hours, h + 1);
  }
  return hour === -1 ? -1 : hour * 3600 + at(minutes, 0) * 60 + at(seconds, 0);
}

function at(table: Int8Array, value: number): number {
  return table[value] ?? -1;
}

/** Days are counted from 1970-01-01. */
function nextDay(pattern: CivilPattern, from: number, limit: number): number | null {
  const lastDay = Math.floor(limit / DAY_MS);
  let { year, month, day } = dateOf(from);
  let firstOfMonth = from - day + 1;
  while (firstOfMonth <= lastDay) {
    const length = daysInMonth(year, month);
    if (pattern.months & (1 << month)) {
      const left = daysMask(pattern, length, weekday(firstOfMonth)) & (-1 << (day - 1));
      if (left !== 0) return firstOfMonth + 31 - Math.clz32(left & -left);
    }
    firstOfMonth += length;
    day = 1;
    month += 1;
    if (month > 12) {
      month = 1;
      year += 1;
    }
  }
  return null;
}

function daysMask(pattern: CivilPattern, length: number, firstWeekday: number): number {
  const index = (length - 28) * 7 + firstWeekday;
  let mask = pattern.dayMasks[index] ?? UNKNOWN;
  if (mask === UNKNOWN) {
    mask = 0;
    for (let day = 1; day <= length; day++) {
      if (pattern.matchesDay(day, length, firstWeekday)) mask |= 1 << (day - 1);
    }
    pattern.dayMasks[index] = mask;
  }
  return mask;
}

/** 1970-01-01 was a Thursday. */
function weekday(day: number): number {
  return (((day + 4) % 7) + 7) % 7;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function dateOf(day: number): { year: number; month: number; day: number } {
  const date = new Date(day * DAY_MS);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}
