import type { DayOfMonth } from "./calendar.ts";
import { refused, type Where } from "./parse-options.ts";

const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS = [
  "january",
  "february",
  "march",
  "april",
  "may",
  "june",
  "july",
  "august",
  "september",
  "october",
  "november",
  "december",
];
const ORDINALS = ["first", "second", "third", "fourth", "fifth"];
const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** 0 (Sunday) to 6 of `Monday`, `mon`, `mondays`, or 0 to 7; null if it is no weekday. */
export function weekdayOf(value: string | number): number | null {
  const text = String(value).trim().toLowerCase();
  if (/^[0-7]$/.test(text)) return Number(text) % 7;
  const index = WEEKDAYS.findIndex((name) => text === name || text === `${name}s` || text === name.slice(0, 3));
  return index === -1 ? null : index;
}

/** Several at once: `weekdays`, `weekend`, `mon-fri`, `friday to monday`; or one. Null if it is none of these. */
export function weekdaysOf(value: string | number): number[] | null {
  const text = String(value).trim().toLowerCase();
  if (/^weekdays?$/.test(text)) return [1, 2, 3, 4, 5];
  if (/^weekends?$/.test(text)) return [0, 6];
  const [first, last] = text.split(/ ?- ?| to | through /).map(weekdayOf);
  if (first === undefined || first === null || last === null) return null;
  if (last === undefined) return [first];
  return Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, day) => (first + day) % 7);
}

/** 1 to 12 of `December`, `dec`, or the number; null if it is no month. */
export function monthOf(value: string | number): number | null {
  const text = String(value).trim().toLowerCase();
  if (/^(0?[1-9]|1[0-2])$/.test(text)) return Number(text);
  const index = MONTHS.findIndex((name) => text === name || text === name.slice(0, 3));
  return index === -1 ? null : index + 1;
}

/** 1 to 5 or -1 to -5 of `first`, `2nd`, `last`, or the number; null if it is none. */
export function nthOf(value: string | number): number | null {
  const text = String(value).trim().toLowerCase();
  if (text === "last") return -1;
  const digit = /^(-?[1-5])(?:st|nd|rd|th)?$/.exec(text)?.[1];
  if (digit !== undefined) return Number(digit);
  const index = ORDINALS.indexOf(text);
  return index === -1 ? null : index + 1;
}

/** 1 to 31 or -1 to -31 of `15`, `15th`, `last`; null if it is no day of a month. */
export function dayNumberOf(value: string | number): number | null {
  const text = String(value).trim().toLowerCase();
  if (text === "last") return -1;
  const digits = /^(-?\d{1,2})(?:st|nd|rd|th)?$/.exec(text)?.[1];
  const day = Number(digits ?? ORDINALS.indexOf(text) + 1);
  return day === 0 || Math.abs(day) > 31 ? null : day;
}

export function parseWeekday(value: string | number, where: Where): number {
  const weekday = weekdayOf(value);
  if (weekday !== null) return weekday;
  throw refused(where, "DAY_INVALID", value, "must be a weekday: monday, mon, or 0-7 (0 and 7 are Sunday)");
}

/** The same, but several days may be named at once, such as `mon-fri` or `weekdays`. */
export function parseWeekdayOrMore(value: string | number, where: Where): number[] {
  return weekdaysOf(value) ?? [parseWeekday(value, where)];
}

export function parseMonth(value: string | number, where: Where): number {
  const month = monthOf(value);
  if (month !== null) return month;
  throw refused(where, "DAY_INVALID", value, "must be a month: december, dec, or 1-12");
}

export function parseNth(value: string | number, where: Where): number {
  const nth = nthOf(value);
  if (nth !== null) return nth;
  throw refused(where, "DAY_INVALID", value, "must be first to fifth, last, 1 to 5, or -1 to -5");
}

export function parseDayOfMonth(value: string | number, where: Where): DayOfMonth {
  const day = dayNumberOf(value);
  if (day !== null) return { day };
  throw refused(
    where,
    "DAY_INVALID",
    value,
    "must be a day of a month: 1 to 31, -1 to -31 (counted from its end), or last",
  );
}

/** `12-24` as a month and its day, which some year must have. */
export function parseMonthDay(text: string, where: Where): { month: number; day: number } {
  const [, month = 0, day = 0] = (/^(\d{1,2})-(\d{1,2})$/.exec(text.trim()) ?? []).map(Number);
  if (day >= 1 && day <= (LONGEST_MONTHS[month - 1] ?? 0)) return { month, day };
  throw refused(where, "DAY_INVALID", text, "must be a month and a day, such as 12-24");
}

/** A civil date, `2026-12-25`. */
export function parseDate(text: string, where: Where): string {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    try {
      return Temporal.PlainDate.from(text).toString();
    } catch {
      // told below: 30 February
    }
  }
  throw refused(where, "DAY_INVALID", text, "must be a date of the calendar, such as 2026-12-25");
}
