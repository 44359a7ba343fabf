import type { TypedScheduleInput } from "@belfry/contract/schedule-input.ts";
import type { CalendarSchedule, DayOfMonth, DayRule } from "./calendar.ts";
import { checkCalendar } from "./check-calendar.ts";
import type { CombinedSchedule } from "./combined.ts";
import {
  parseDate,
  parseDayOfMonth,
  parseMonth,
  parseMonthDay,
  parseNth,
  parseWeekday,
  parseWeekdayOrMore,
} from "./day-names.ts";
import { misformed, type Parsing, type Where } from "./parse-options.ts";
import { parseTimeOfDay } from "./time-of-day.ts";

type Form<Type> = Extract<TypedScheduleInput, { type: Type }>;
type DaysOfMonth = Pick<Form<"monthly">, "day" | "days" | "nth" | "weekday" | "short_months">;

export function parseDaily(form: Form<"daily">, parsing: Parsing): CalendarSchedule {
  return calendar({ every: "day", ...countOf(form, parsing) }, timesOf(form, parsing), parsing);
}

export function parseWeekly(form: Form<"weekly">, parsing: Parsing): CalendarSchedule {
  const weekdays = parseWeekdays(form.days, { field: `${parsing.field}.days` });
  return calendar({ every: "week", ...countOf(form, parsing), weekdays }, timesOf(form, parsing), parsing);
}

export function parseMonthly(form: Form<"monthly">, parsing: Parsing): CalendarSchedule {
  const days = monthly(daysOf(form, parsing.field), countOf(form, parsing), form.short_months);
  return calendar(days, timesOf(form, parsing), parsing);
}

export function parseYearly(form: Form<"yearly">, parsing: Parsing): CalendarSchedule | CombinedSchedule {
  const times = timesOf(form, parsing);
  const count = countOf(form, parsing);
  const rules = yearDays(form, parsing.field).map(({ months, on }) => yearly(months, on, count, form.short_months));
  return anyOf(rules.map((rule) => calendar(rule, times, parsing)));
}

/** One for all its months if they have the same days, else one for each date. */
function yearDays(form: Form<"yearly">, field: string): { months: number[]; on: DayOfMonth[] }[] {
  const { date, dates, months, day, days, nth, weekday } = form;
  const ways = [date, dates, months ?? day ?? days ?? nth ?? weekday].filter((way) => way !== undefined);
  if (ways.length !== 1) throw misformed(field, "must have one of date, dates, and months with their days");
  if (date !== undefined) return [onDate(date, { field: `${field}.date` })];
  if (dates !== undefined) return dates.map((text, index) => onDate(text, { field: `${field}.dates[${index}]` }));
  if (months === undefined) throw misformed(`${field}.months`, "is required unless date or dates are given");
  const numbers = months.map((name, index) => parseMonth(name, { field: `${field}.months[${index}]` }));
  return [{ months: numbers, on: daysOf(form, field) }];
}

/** `12-24`. */
export function onDate(text: string, where: Where): { months: number[]; on: DayOfMonth[] } {
  const { month, day } = parseMonthDay(text, where);
  return { months: [month], on: [{ day }] };
}

export function calendar(days: DayRule, times: readonly string[], { timezone, dst, text }: Parsing): CalendarSchedule {
  return checkCalendar({ type: "calendar", times: [...times], days, timezone, ...(dst && { dst }) }, text);
}

export function anyOf(parts: readonly CalendarSchedule[]): CalendarSchedule | CombinedSchedule {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : { type: "any", of: [...parts] };
}

/** A day that its month lacks is the month's last unless the client says otherwise: to miss February would surprise more people. */
export function monthly(on: DayOfMonth[], count: Count = EACH, shortMonths: ShortMonths = "last"): DayRule {
  return { every: "month", ...count, on, shortMonths };
}

export function yearly(
  months: number[],
  on: DayOfMonth[],
  count: Count = EACH,
  shortMonths: ShortMonths = "last",
): DayRule {
  return { every: "year", ...count, months, on, shortMonths };
}

/** `names` are the elements of a field, or words of a text. */
export function parseWeekdays(names: readonly (string | number)[], { field, text }: Where): number[] {
  return names.flatMap((name, index) =>
    parseWeekdayOrMore(name, text === undefined ? { field: `${field}[${index}]` } : { field, text }),
  );
}

/** Every how many days, weeks, months or years, and one of those dates if it is not each. */
export type Count = { interval: number; from?: string };
const EACH: Count = { interval: 1 };
type ShortMonths = "last" | "skip" | undefined;

export function countOf(
  { every: interval = 1, from }: { every?: number | undefined; from?: string | undefined },
  { field, anchor, timezone }: Parsing,
): Count {
  if (interval === 1) {
    if (from === undefined) return { interval };
    throw misformed(`${field}.from`, "says which days count when every is above 1; the first instant is start");
  }
  if (from !== undefined) return { interval, from: parseDate(from, { field: `${field}.from` }) };
  const created = Temporal.Instant.fromEpochMilliseconds(anchor).toZonedDateTimeISO(timezone).toPlainDate();
  return { interval, from: created.toString() };
}

function timesOf(
  { time, times }: { time?: string | undefined; times?: string[] | undefined },
  { field }: Parsing,
): string[] {
  if (time !== undefined && times !== undefined) throw misformed(field, "must have either time or times");
  if (time !== undefined) return [parseTimeOfDay(time, { field: `${field}.time` })];
  if (times === undefined) throw misformed(`${field}.time`, "is required, for example 09:00");
  return times.map((text, index) => parseTimeOfDay(text, { field: `${field}.times[${index}]` }));
}

function daysOf({ day, days, nth, weekday }: DaysOfMonth, field: string): DayOfMonth[] {
  const given = [day, days, nth ?? weekday].filter((value) => value !== undefined);
  if (given.length !== 1) throw misformed(field, "must have one of day, days, and nth with weekday");
  if (day !== undefined) return [parseDayOfMonth(day, { field: `${field}.day` })];
  if (days !== undefined)
    return days.map((value, index) => parseDayOfMonth(value, { field: `${field}.days[${index}]` }));
  if (nth === undefined || weekday === undefined) throw misformed(field, "must have nth and weekday together");
  const places = [nth].flat().map((value, index) => parseNth(value, at(nth, `${field}.nth`, index)));
  const weekdays = [weekday].flat().map((value, index) => parseWeekday(value, at(weekday, `${field}.weekday`, index)));
  return places.flatMap((place) => weekdays.map((name) => ({ nth: place, weekday: name })));
}

function at(value: unknown, field: string, index: number): Where {
  return { field: Array.isArray(value) ? `${field}[${index}]` : field };
}
