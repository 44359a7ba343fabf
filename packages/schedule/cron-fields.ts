import { CronExpressionParser, type CronFieldCollection } from "cron-parser";
import { type CivilPattern, emptyDayMasks, nextTable } from "./civil.ts";
import { quote, ScheduleError } from "./errors.ts";

/** A cron expression, ready to be searched. */
export type CronPattern = CivilPattern & {
  /** Whether the minute or the hour begins with `*`, which decides what a change of the zone's offset does to it. */
  wildcard: boolean;
};

const FIELDS = [
  { name: "second", allowed: "0-59" },
  { name: "minute", allowed: "0-59" },
  { name: "hour", allowed: "0-23" },
  { name: "day of month", allowed: "1-31, or L for the last day" },
  { name: "month", allowed: "1-12 or JAN-DEC" },
  {
    name: "day of week",
    allowed: "0-7 or SUN-SAT (0 and 7 are Sunday), 5L for the last Friday, 1#2 for the second Monday",
  },
] as const;

/**
 * One spelling for one pattern: single spaces, names in capitals, `*` for `?`.
 * Throws ScheduleError when there are neither 5 nor 6 fields.
 */
export function normaliseExpression(text: string): string {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== 5 && fields.length !== 6) {
    throw new ScheduleError(
      "CRON_FIELD_COUNT",
      `schedule ${quote(text)} must contain 5 fields (or 6, with seconds first)`,
    );
  }
  return fields
    .map((field) => field.replace(/[a-z]/g, (letter) => letter.toUpperCase()).replaceAll("?", "*"))
    .join(" ");
}

/** Throws ScheduleError naming the first field that is wrong and what it may hold; `text` is what the message quotes. */
export function compileExpression(expression: string, text = expression): CronPattern {
  const fields = expression.split(" ");
  if (fields.length === 5) fields.unshift("0");
  // One at a time, the others being `*`: an error belongs to its field, and day and month are not judged together
  // (the library refuses a day that its only month lacks, even where the day of week would match).
  const [second, minute, hour, dayOfMonth, month, dayOfWeek] = FIELDS.map((_, index) =>
    parseField(fields, index, text),
  );
  if (!second || !minute || !hour || !dayOfMonth || !month || !dayOfWeek)
    throw new Error("a cron expression has six fields");

  return {
    wildcard: [fields[1], fields[2]].some((field) => field?.startsWith("*")),
    seconds: nextTable(numbers(second.second.values), 60),
    minutes: nextTable(numbers(minute.minute.values), 60),
    hours: nextTable(numbers(hour.hour.values), 24),
    months: numbers(month.month.values).reduce((mask, value) => mask | (1 << value), 0),
    matchesDay: dayMatcher(dayOfMonth.dayOfMonth, dayOfWeek.dayOfWeek),
    dayMasks: emptyDayMasks(),
  };
}

function parseField(fields: readonly string[], index: number, text: string): CronFieldCollection {
  const value = fields[index] ?? "";
  const { name, allowed } = FIELDS[index] ?? FIELDS[0];
  const refuse = (why: string) => new ScheduleError("CRON_FIELD_INVALID", `schedule ${quote(text)}: ${name} ${why}`);

  if (/(?:^|[,/-])H/.test(value)) throw refuse(`must be ${allowed}; H is not supported`);
  if (value.split(",").length > LONGEST_LIST) throw refuse(`lists more than ${LONGEST_LIST} values`);
  if (LOOSE.some((pattern) => pattern.test(value))) throw refuse(`must be ${allowed}`);
  try {
    const expression = FIELDS.map((_, other) => (other === index ? value : "*")).join(" ");
    return CronExpressionParser.parse(expression, { tz: "UTC", currentDate: 0 }).fields;
  } catch (error) {
    throw refuse(reason(error instanceof Error ? error.message : "") ?? `must be ${allowed}`);
  }
}

/** No field has more values; the library takes tens of milliseconds to refuse a list of hundreds. */
const LONGEST_LIST = 60;

/** What is wrong other than a value out of range, read from the library's message; undefined for the rest. */
function reason(message: string): string | undefined {
  const backwards = /^Invalid range: (\d+-\d+), min/.exec(message)?.[1];
  if (backwards !== undefined) return `has a range that runs backwards (${backwards})`;
  const duplicate = /duplicate values found: (\w+)/.exec(message)?.[1];
  if (duplicate !== undefined) return `lists ${duplicate} more than once`;
  return message.includes("cannot repeat at every") ? "must have a step of at least 1" : undefined;
}

/** What the library takes although it means nothing: names glued to digits or letters (`1JAN`, `JANUARY`), `1#1.5`, `*#2`. */
const LOOSE = [/\d[A-Z]{3}/, /[A-Z]{3}(?!L(?:,|$))[A-Z0-9]/, /#(?![1-5]$)/, /[*]#/];

function numbers(values: readonly (number | string)[]): number[] {
  return values.filter((value) => typeof value === "number");
}

/**
 * Either field decides when both are restricted, as in Vixie cron. Restricted is, as for cron-parser, anything but a bare `*`.
 * (Vixie's own code also takes a step over `*` for unrestricted there.)
 */
function dayMatcher(
  dayOfMonth: CronFieldCollection["dayOfMonth"],
  dayOfWeek: CronFieldCollection["dayOfWeek"],
): CivilPattern["matchesDay"] {
  const days = numbers(dayOfMonth.values);
  const lastDay = dayOfMonth.values.includes("L");
  const weekdays = numbers(dayOfWeek.values).map((value) => value % 7);
  const lastWeekdays = (dayOfWeek.values as (number | string)[])
    .filter((value) => typeof value === "string")
    .map((value) => Number(value.slice(0, 1)) % 7);
  const nth = dayOfWeek.nthDay;
  const either = !dayOfMonth.isWildcard && !dayOfWeek.isWildcard;

  return (day, daysInMonth, firstWeekday) => {
    const weekday = (firstWeekday + day - 1) % 7;
    const byMonth = days.includes(day) || (lastDay && day === daysInMonth);
    const byWeek =
      (weekdays.includes(weekday) && (nth === 0 || Math.ceil(day / 7) === nth)) ||
      (lastWeekdays.includes(weekday) && day + 7 > daysInMonth);
    return either ? byMonth || byWeek : byMonth && byWeek;
  };
}
