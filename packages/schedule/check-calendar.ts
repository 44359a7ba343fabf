import { type CalendarSchedule, type DayOfMonth, type DayRule, daySearch, secondOfDay } from "./calendar.ts";
import { DAY_MS } from "./civil.ts";
import { quote, ScheduleError } from "./errors.ts";
import { MAX_INSTANT } from "./instant.ts";
import { monthList, nthWord, WEEKDAY_NAMES } from "./words.ts";
import { resolveTimeZone } from "./zone.ts";

/** Twice or so what anybody means; every other day of three years. */
const MAX_INTERVAL = 1_000;
/** One a minute is a case for cron. */
const MAX_TIMES = 1_440;

/**
 * The same schedule in one spelling: lists sorted and without doubles, times as `HH:MM` or `HH:MM:SS`, no `from` where nothing is
 * counted. Throws ScheduleError for what is out of range or empty, and for a day that never comes; `text` is what the message quotes.
 */
export function checkCalendar(schedule: CalendarSchedule, text: string): CalendarSchedule {
  const refuse = (why: string) => new ScheduleError("CALENDAR_INVALID", `schedule ${quote(text)}: ${why}`);
  const days = checkDays(schedule.days, refuse);
  return {
    type: "calendar",
    times: checkTimes(schedule.times, refuse),
    days,
    timezone: resolveTimeZone(schedule.timezone),
    ...(schedule.dst && { dst: schedule.dst }),
  };
}

type Refuse = (why: string) => ScheduleError;

function checkTimes(times: readonly string[], refuse: Refuse): string[] {
  if (times.length === 0) throw refuse("at least one time of day is needed, for example 09:00");
  if (times.length > MAX_TIMES) throw refuse(`at most ${MAX_TIMES} times of day can be given`);
  const spelled = times.map((time) => {
    const [, hour = "", minute = "", second = "00"] = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(time.trim()) ?? [];
    if (hour === "" || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) {
      throw refuse(`time ${quote(time)} must be HH:MM or HH:MM:SS, from 00:00 to 23:59:59`);
    }
    return `${hour.padStart(2, "0")}:${minute}${second === "00" ? "" : `:${second}`}`;
  });
  return [...new Set(spelled)].sort((a, b) => secondOfDay(a) - secondOfDay(b));
}

function checkDays(rule: DayRule, refuse: Refuse): DayRule {
  const { every, interval } = rule;
  if (!Number.isInteger(interval) || interval < 1 || interval > MAX_INTERVAL) {
    throw refuse(`the interval must be a whole number of ${every}s from 1 to ${MAX_INTERVAL}`);
  }
  const from = rule.from === undefined || interval === 1 ? {} : { from: checkDate(rule.from, refuse) };
  if (every === "day") return { every, interval, ...from };
  if (every === "week") {
    return { every, interval, ...from, weekdays: checkNumbers(rule.weekdays, "weekday", 0, 6, refuse) };
  }
  const { shortMonths } = rule;
  if (shortMonths !== "last" && shortMonths !== "skip") throw refuse('short months must be "last" or "skip"');
  const on = checkOn(rule.on, refuse);
  if (every === "month") return withoutNever({ every, interval, ...from, on, shortMonths }, refuse);
  const months = checkNumbers(rule.months, "month", 1, 12, refuse);
  return withoutNever({ every, interval, ...from, months, on, shortMonths }, refuse);
}

function checkDate(date: string, refuse: Refuse): string {
  if (/^\d{4}-\d{2}-\d{2}$/.test(date)) {
    try {
      return Temporal.PlainDate.from(date).toString();
    } catch {
      // told below
    }
  }
  throw refuse(`${quote(date)} must be a date of the calendar, for example 2026-01-31`);
}

function checkNumbers(values: readonly number[], name: string, min: number, max: number, refuse: Refuse): number[] {
  if (values.length === 0) throw refuse(`at least one ${name} is needed`);
  for (const value of values) {
    if (!Number.isInteger(value) || value < min || value > max)
      throw refuse(`${name} ${value} must be ${min} to ${max}`);
  }
  return [...new Set(values)].sort((a, b) => a - b);
}

function checkOn(on: readonly DayOfMonth[], refuse: Refuse): DayOfMonth[] {
  if (on.length === 0) throw refuse("at least one day of the month is needed");
  const byKey = new Map<number, DayOfMonth>();
  for (const wanted of on) {
    if ("nth" in wanted) {
      const { nth, weekday } = wanted;
      checkNumbers([weekday], "weekday", 0, 6, refuse);
      if (!isCount(nth, 5)) throw refuse(`a weekday comes 1 to 5 times in a month (-1 to -5 from its end), not ${nth}`);
      byKey.set(1_000 + nth * 10 + weekday, { nth, weekday });
    } else {
      const { day } = wanted;
      if (!isCount(day, 31)) throw refuse(`day ${day} must be 1 to 31, or -1 to -31 from the end of the month`);
      byKey.set(day, { day });
    }
  }
  // Days from the first on, then those from the end, then weekdays.
  const place = (key: number) => (key < 0 ? key + 100 : key);
  return [...byKey].sort(([a], [b]) => place(a) - place(b)).map(([, wanted]) => wanted);
}

function isCount(value: number, max: number): boolean {
  return Number.isInteger(value) && value !== 0 && Math.abs(value) <= max;
}

/** Throws for each day that no month of the rule has, even if others have matches: somebody waits for it. */
function withoutNever<Rule extends Extract<DayRule, { on: DayOfMonth[] }>>(rule: Rule, refuse: Refuse): Rule {
  for (const wanted of rule.on) {
    if (daySearch({ ...rule, on: [wanted] })(0, MAX_INSTANT / DAY_MS) !== null) continue;
    const months = "months" in rule ? monthList(rule.months) : "its months";
    const day = "nth" in wanted ? `a ${nthWord(wanted.nth)} ${WEEKDAY_NAMES[wanted.weekday]}` : `day ${wanted.day}`;
    throw refuse(`${day} never comes in ${months}`);
  }
  return rule;
}
