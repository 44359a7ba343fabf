/**
 * Search on civil time: dates and times of day without a zone. A civil time is written as the milliseconds that it would have in UTC.
 */
export type CivilPattern = {
  /** The first matching day that is not before `from`, or null when there is none up to `last`. Days are counted from 1970-01-01. */
  nextDay: (from: number, last: number) => number | null;
  /** The first matching time of day that is not before `second` (which may be 86400), in seconds since midnight, or -1. */
  nextTime: (second: number) => number;
};

export const DAY_MS = 86_400_000;

/** The first matching civil time that is not before `from`, or null when there is none on or before the day of `limit`. */
export function nextCivil(pattern: CivilPattern, from: number, limit: number): number | null {
  const today = Math.floor(from / DAY_MS);
  const last = Math.floor(limit / DAY_MS);
  let day = pattern.nextDay(today, last);
  if (day === today) {
    const time = pattern.nextTime(Math.ceil((from - today * DAY_MS) / 1000));
    if (time !== -1) return today * DAY_MS + time * 1000;
    day = pattern.nextDay(today + 1, last);
  }
  return day === null ? null : day * DAY_MS + pattern.nextTime(0) * 1000;
}

/** Times of day at which second, minute and hour each are one of some, in any order. */
export function everyCombination(
  hours: readonly number[],
  minutes: readonly number[],
  seconds: readonly number[],
): CivilPattern["nextTime"] {
  const hourFrom = nextTable(hours, 24);
  const minuteFrom = nextTable(minutes, 60);
  const secondFrom = nextTable(seconds, 60);
  return (second) => {
    const h = Math.floor(second / 3600);
    const m = Math.floor(second / 60) % 60;
    let hour = at(hourFrom, h);
    if (hour === h) {
      let minute = at(minuteFrom, m);
      if (minute === m) {
        const exact = at(secondFrom, second % 60);
        if (exact !== -1) return h * 3600 + m * 60 + exact;
        minute = at(minuteFrom, m + 1);
      }
      if (minute !== -1) return h * 3600 + minute * 60 + at(secondFrom, 0);
      hour = at(hourFrom, h + 1);
    }
    return hour === -1 ? -1 : hour * 3600 + at(minuteFrom, 0) * 60 + at(secondFrom, 0);
  };
}

/** Some times of day, in seconds since midnight and ascending. */
export function timesOfDay(times: readonly number[]): CivilPattern["nextTime"] {
  return (second) => times.find((time) => time >= second) ?? -1;
}

/** For each value the smallest member that is not below it, or -1. */
function nextTable(members: readonly number[], size: number): Int8Array {
  const table = new Int8Array(size).fill(-1);
  let next = -1;
  for (let value = size - 1; value >= 0; value--) {
    if (members.includes(value)) next = value;
    table[value] = next;
  }
  return table;
}

function at(table: Int8Array, value: number): number {
  return table[value] ?? -1;
}

export type MonthRule = {
  /** The first month not before `month` that may have matching days. Months are counted from January of the year 0. */
  nextMonth: (month: number) => number;
  /** Whether a day of a month matches, given the month's length and the weekday (0 is Sunday) of its first day. */
  matchesDay: (day: number, daysInMonth: number, firstWeekday: number) => boolean;
};

/** The calendar repeats every 400 years: after so many months without a match there is none. */
const MONTHS_OF_THE_CALENDAR = 4_800;

/** Days that are given by their place in their month. */
export function daysOfMonths({ nextMonth, matchesDay }: MonthRule): CivilPattern["nextDay"] {
  // One mask for each of the 28 shapes that a month can have, computed when it is first met.
  const masks = new Int32Array(28).fill(UNKNOWN);
  const maskOf = (length: number, firstWeekday: number): number => {
    const shape = (length - 28) * 7 + firstWeekday;
    let mask = masks[shape] ?? UNKNOWN;
    if (mask === UNKNOWN) {
      mask = 0;
      for (let day = 1; day <= length; day++) {
        if (matchesDay(day, length, firstWeekday)) mask |= 1 << (day - 1);
      }
      masks[shape] = mask;
    }
    return mask;
  };

  return (from, last) => {
    const date = new Date(from * DAY_MS);
    const current = monthOf(date);
    let month = nextMonth(current);
    let first = month === current ? from - date.getUTCDate() + 1 : firstDayOf(month);
    for (let visited = 0; visited < MONTHS_OF_THE_CALENDAR && first <= last; visited++) {
      const left = maskOf(lengthOf(month), weekdayOf(first)) & (first < from ? -1 << (from - first) : -1);
      if (left !== 0) return first + 31 - Math.clz32(left & -left);
      month = nextMonth(month + 1);
      first = firstDayOf(month);
    }
    return null;
  };
}

/** These months (1 is January) of every year, or of every so many, counted from the year `from`. */
export function monthsOfYears(months: readonly number[], interval = 1, from = 0): MonthRule["nextMonth"] {
  const table = nextTable(
    months.map((month) => month - 1),
    12,
  );
  const firstMonth = at(table, 0);
  return (month) => {
    const year = Math.floor(month / 12);
    const wait = interval === 1 ? 0 : modulo(from - year, interval);
    const rest = wait === 0 ? at(table, month - year * 12) : -1;
    if (rest !== -1) return year * 12 + rest;
    return (year + (wait === 0 ? interval : wait)) * 12 + firstMonth;
  };
}

/** The remainder that is never negative. */
export function modulo(value: number, divisor: number): number {
  return value - Math.floor(value / divisor) * divisor;
}

/** Not a mask: days take the lower 31 bits. */
const UNKNOWN = -1;

/** 0 is Sunday; 1970-01-01 was a Thursday. */
export function weekdayOf(day: number): number {
  return modulo(day + 4, 7);
}

/** Months are counted from January of the year 0, days from 1970-01-01. */
export function monthOf(date: Date): number {
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

function lengthOf(month: number): number {
  const ofYear = modulo(month, 12);
  if (ofYear !== 1) return ofYear === 3 || ofYear === 5 || ofYear === 8 || ofYear === 10 ? 30 : 31;
  const year = (month - 1) / 12;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

function firstDayOf(month: number): number {
  // With March for its beginning a year has its leap day at its end, and the lengths of its months are 31, 30, 31, 30, 31, …
  const year = Math.floor((month - 2) / 12);
  const dayOfYear = Math.floor((153 * (month - 2 - year * 12) + 2) / 5);
  return year * 365 + Math.floor(year / 4) - Math.floor(year / 100) + Math.floor(year / 400) + dayOfYear - 719_468;
}
