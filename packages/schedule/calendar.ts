import type { DstRule } from "@belfry/contract/dst.ts";
import {
  type CivilPattern,
  DAY_MS,
  daysOfMonths,
  modulo,
  monthOf,
  monthsOfYears,
  timesOfDay,
  weekdayOf,
} from "./civil.ts";
import { ONCE_FOR_EACH_LOCAL_TIME } from "./dst.ts";
import { nextLocal } from "./next-local.ts";
import { everyNth, listed, monthList, nthWord, ordinal, WEEKDAY_NAMES, weekdayList } from "./words.ts";

/** Runs at the given local times of each day that `days` names. */
export type CalendarSchedule = {
  type: "calendar";
  /** Local times of day, `HH:MM` or `HH:MM:SS`, ascending. */
  times: string[];
  days: DayRule;
  timezone: string;
  dst?: DstRule;
};

/**
 * Every `interval`th day, week, month or year is one that counts: the one that holds the civil date `from` (`2026-01-31`), and those so
 * many after it and before it. So `from` says which of them, not where they begin; that is for a restricted schedule to say. Without
 * it they are counted from 1 January 1970, or the week of that day. Weeks begin on Monday. Weekdays are 0 (Sunday) to 6.
 *
 * `shortMonths` says what a number in `on` means in a month that does not have that day: with `last` the nearest day that it has
 * (the last one for 31, the first one for -31), once if another of them is that day too; with `skip` none. A weekday that does not
 * come a fifth time is always skipped: -1 asks for the last.
 */
export type DayRule =
  | { every: "day"; interval: number; from?: string }
  | { every: "week"; interval: number; from?: string; weekdays: number[] }
  | { every: "month"; interval: number; from?: string; on: DayOfMonth[]; shortMonths: "last" | "skip" }
  | {
      every: "year";
      interval: number;
      from?: string;
      /** 1 is January. */
      months: number[];
      on: DayOfMonth[];
      shortMonths: "last" | "skip";
    };

/** A day's number, counted from the end if it is negative (-1 is the last), or the nth of a weekday (-1 is the last one). */
export type DayOfMonth = { day: number } | { nth: number; weekday: number };

/** Schedules are read from the database again and again, but searched more than once each time. */
const patterns = new WeakMap<CalendarSchedule, CivilPattern>();

/** The first occurrence strictly after an instant; without a rule of its own the schedule runs once for each local time (see dst.ts). */
export function nextCalendar(schedule: CalendarSchedule, after: number): number | null {
  let pattern = patterns.get(schedule);
  if (pattern === undefined) {
    pattern = { nextTime: timesOfDay(schedule.times.map(secondOfDay)), nextDay: daySearch(schedule.days) };
    patterns.set(schedule, pattern);
  }
  return nextLocal(pattern, schedule.dst ?? ONCE_FOR_EACH_LOCAL_TIME, schedule.timezone, after);
}

/** Of `HH:MM` or `HH:MM:SS`. */
export function secondOfDay(time: string): number {
  const [hour = 0, minute = 0, second = 0] = time.split(":").map(Number);
  return hour * 3600 + minute * 60 + second;
}

/** The search for the days of a rule that has been checked. */
export function daySearch(rule: DayRule): CivilPattern["nextDay"] {
  const { interval } = rule;
  const from = rule.from === undefined ? new Date(0) : new Date(`${rule.from}T00:00Z`);
  switch (rule.every) {
    case "day":
      return everyNthDay(interval, from.getTime() / DAY_MS);
    case "week":
      return daysOfWeeks(rule.weekdays, interval, weekOf(from.getTime() / DAY_MS));
    case "month":
      return daysOfMonths({
        nextMonth: (month) => month + modulo(monthOf(from) - month, interval),
        matchesDay: dayMatcher(rule.on, rule.shortMonths),
      });
    case "year":
      return daysOfMonths({
        nextMonth: monthsOfYears(rule.months, interval, from.getUTCFullYear()),
        matchesDay: dayMatcher(rule.on, rule.shortMonths),
      });
  }
}

function everyNthDay(interval: number, first: number): CivilPattern["nextDay"] {
  return (from, last) => {
    const day = from + modulo(first - from, interval);
    return day <= last ? day : null;
  };
}

function daysOfWeeks(weekdays: readonly number[], interval: number, firstWeek: number): CivilPattern["nextDay"] {
  return (from, last) => {
    const week = weekOf(from);
    const wait = modulo(firstWeek - week, interval);
    let day = wait === 0 ? from : mondayOf(week + wait);
    while (!weekdays.includes(weekdayOf(day))) {
      day += 1;
      if (interval > 1 && weekdayOf(day) === 1) day += (interval - 1) * 7;
    }
    return day <= last ? day : null;
  };
}

/** Week 0 is that of 1970-01-01, a Thursday. */
function weekOf(day: number): number {
  return Math.floor((day + 3) / 7);
}

function mondayOf(week: number): number {
  return week * 7 - 3;
}

function dayMatcher(on: readonly DayOfMonth[], shortMonths: "last" | "skip") {
  return (day: number, daysInMonth: number, firstWeekday: number): boolean =>
    on.some((wanted) => {
      if ("nth" in wanted) {
        if ((firstWeekday + day - 1) % 7 !== wanted.weekday) return false;
        return wanted.nth === (wanted.nth > 0 ? Math.ceil(day / 7) : -Math.ceil((daysInMonth - day + 1) / 7));
      }
      const named = wanted.day > 0 ? wanted.day : daysInMonth + 1 + wanted.day;
      return day === (shortMonths === "last" ? Math.min(Math.max(named, 1), daysInMonth) : named);
    });
}

/** `At 09:00 and 17:30, Monday to Friday, Europe/Rome`. */
export function describeCalendar({ times, days, timezone }: CalendarSchedule): string {
  const from = days.interval > 1 && days.from !== undefined ? `, counted from ${days.from}` : "";
  return `At ${listed(times)}, ${daysInWords(days)}${from}, ${timezone}`;
}

function daysInWords(rule: DayRule): string {
  const { interval } = rule;
  switch (rule.every) {
    case "day":
      return everyNth(interval, "day");
    case "week":
      if (interval === 1) return weekdayList(rule.weekdays);
      return `${everyNth(interval, "week")} on ${weekdayList(rule.weekdays).replace(/^every /, "")}`;
    case "month":
      return `on ${onInWords(rule)} of ${everyNth(interval, "month")}`;
    case "year":
      return `on ${onInWords(rule)} of ${monthList(rule.months)}${interval === 1 ? "" : `, ${everyNth(interval, "year")}`}`;
  }
}

function onInWords({ on, shortMonths }: Extract<DayRule, { on: DayOfMonth[] }>): string {
  const days = on.map((wanted) => {
    if ("nth" in wanted) return `${nthWord(wanted.nth)} ${WEEKDAY_NAMES[wanted.weekday]}`;
    return wanted.day > 0 ? ordinal(wanted.day) : `${nthWord(wanted.day)} day`;
  });
  const moves = shortMonths === "last" && on.some((wanted) => "day" in wanted && wanted.day > 28);
  return `the ${listed(days)}${moves ? " (or the last day of a shorter month)" : ""}`;
}
