import type { CalendarSchedule, DayOfMonth } from "./calendar.ts";
import type { CombinedSchedule } from "./combined.ts";
import { nthOf, parseDayOfMonth, weekdayOf } from "./day-names.ts";
import { quote, ScheduleError } from "./errors.ts";
import { anyOf, calendar, monthly, onDate, parseWeekdays, yearly } from "./parse-calendar.ts";
import type { Parsing, Where } from "./parse-options.ts";
import { parseTimeOfDay } from "./time-of-day.ts";

const FORMS = {
  daily: "daily:02:00",
  weekly: "weekly:sunday:03:00 or weekly:mon,wed:03:00",
  monthly: "monthly:15:08:00, monthly:last:08:00 or monthly:first-monday:08:00",
  yearly: "yearly:12-24:18:00",
};

export function looksLikeColons(text: string): boolean {
  return /^(?:daily|weekly|monthly|yearly):/i.test(text);
}

/** `daily:02:00`, `weekly:sunday:03:00`, `monthly:15:08:00`, `yearly:12-24:18:00`; days and times may be lists with commas. Throws ScheduleError. */
export function parseColons(text: string, parsing: Parsing): CalendarSchedule | CombinedSchedule {
  const where = { field: parsing.field, text };
  const [name = "", ...rest] = text.split(":");
  const form = name.toLowerCase() as keyof typeof FORMS;
  const [days = "", ...clock] = form === "daily" ? ["", ...rest] : rest;
  if (clock.length === 0) {
    throw new ScheduleError(
      "TIME_INVALID",
      `${where.field} ${quote(text)} must be of the form ${FORMS[form]}`,
      where.field,
    );
  }
  const times = clock
    .join(":")
    .split(",")
    .map((time) => parseTimeOfDay(time, where));
  const list = days.split(",").map((day) => day.trim());
  switch (form) {
    case "daily":
      return calendar({ every: "day", interval: 1 }, times, parsing);
    case "weekly":
      return calendar({ every: "week", interval: 1, weekdays: parseWeekdays(list, where) }, times, parsing);
    case "monthly":
      return calendar(monthly(list.map((day) => dayOrNth(day, where))), times, parsing);
    case "yearly":
      return anyOf(
        list.map((date) => {
          const { months, on } = onDate(date, where);
          return calendar(yearly(months, on), times, parsing);
        }),
      );
  }
}

function dayOrNth(text: string, where: Where): DayOfMonth {
  const [, first = "", second = ""] = /^(-?\w+)-(\w+)$/.exec(text) ?? [];
  const nth = nthOf(first);
  const weekday = weekdayOf(second);
  return nth === null || weekday === null ? parseDayOfMonth(text, where) : { nth, weekday };
}
