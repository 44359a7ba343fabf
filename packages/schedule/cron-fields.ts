import type { DstRule } from "@belfry/contract/dst.ts";
import { type CivilPattern, daysOfMonths, everyCombination, monthsOfYears } from "./civil.ts";
import { type DayTest, dayOfMonthTest, dayOfWeekTest } from "./cron-days.ts";
import { FOLLOWS_ELAPSED_TIME, ONCE_FOR_EACH_LOCAL_TIME } from "./dst.ts";
import { quote, ScheduleError } from "./errors.ts";

/** A cron expression, ready to be searched, and what Vixie's rule makes of it. */
export type CronPattern = CivilPattern & { vixie: DstRule };

export type Field = {
  name: string;
  allowed: string;
  min: number;
  max: number;
  /** The greatest value that `H` stands for, where that is not `max`. */
  hashMax?: number;
  /** Three letters each, for the values from the first on. */
  names?: { first: number; words: readonly string[] };
  /** What only days have, such as `L`; undefined for any other text. */
  special?: (item: string, numberOf: (text: string) => number | undefined) => DayTest | undefined;
};

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/** In the order in which they are written; the first is left out where there are five. */
export const FIELDS: readonly Field[] = [
  { name: "second", allowed: "0-59", min: 0, max: 59 },
  { name: "minute", allowed: "0-59", min: 0, max: 59 },
  { name: "hour", allowed: "0-23", min: 0, max: 23 },
  {
    name: "day of month",
    allowed:
      "1-31, or L for the last day (L-3 for three days before it, LW for the last weekday, 15W for the weekday nearest to the 15th)",
    min: 1,
    max: 31,
    hashMax: 28,
    special: dayOfMonthTest,
  },
  { name: "month", allowed: "1-12 or JAN-DEC", min: 1, max: 12, names: { first: 1, words: MONTHS } },
  {
    name: "day of week",
    allowed: "0-7 or SUN-SAT (0 and 7 are Sunday), 5L for the last Friday, 1#2 for the second Monday",
    min: 0,
    max: 7,
    hashMax: 6,
    names: { first: 0, words: WEEKDAYS },
    special: dayOfWeekTest,
  },
];

/** No field has more values. */
const LONGEST_LIST = 60;

/**
 * One spelling for one pattern: single spaces, names in capitals, `*` for `?`.
 * Throws ScheduleError when there are neither 5 nor 6 fields, or a step is longer than its field; `text` is what the message quotes.
 */
export function normaliseExpression(expression: string, text = expression): string {
  const fields = expression.trim().split(/\s+/);
  if (fields.length !== 5 && fields.length !== 6) {
    throw new ScheduleError(
      "CRON_FIELD_COUNT",
      `schedule ${quote(text)} must contain 5 fields (or 6, with seconds first)`,
    );
  }
  for (const [index, field] of FIELDS.slice(-fields.length).entries()) checkStep(field, fields[index] ?? "", text);
  return fields
    .map((field) => field.replace(/[a-z]/g, (letter) => letter.toUpperCase()).replaceAll("?", "*"))
    .join(" ");
}

/** Every 90 minutes is what somebody means who writes that step, and it would be every hour. What is stored already goes on as it is. */
function checkStep(field: Field, value: string, text: string): void {
  const longest = (isWeekday(field) ? 6 : field.max) - field.min + 1;
  for (const item of value.split(",")) {
    const step = /^\*\/(\d+)$/.exec(item.replace("?", "*"))?.[1];
    if (Number(step ?? 0) > longest) throw fieldError(field, `must have a step of at most ${longest}`, text);
  }
}

/** Throws ScheduleError naming the first field that is wrong and what it may hold; `text` is what the message quotes. */
export function compileExpression(expression: string, text = expression): CronPattern {
  const texts = expression.split(" ");
  if (texts.length === 5) texts.unshift("0");
  const [seconds, minutes, hours, days, months, weekdays] = FIELDS.map((field, index) =>
    parseField(field, texts[index] ?? "", text),
  );
  if (!seconds || !minutes || !hours || !days || !months || !weekdays)
    throw new Error("a cron expression has six fields");

  const byMonth = (day: number, length: number, firstWeekday: number) =>
    days.values.includes(day) || days.tests.some((test) => test(day, length, firstWeekday));
  const byWeek = (day: number, length: number, firstWeekday: number) =>
    weekdays.values.includes((firstWeekday + day - 1) % 7) ||
    weekdays.tests.some((test) => test(day, length, firstWeekday));
  // Either field decides when both are restricted, as in Vixie cron. Restricted is anything but a bare `*`
  // (Vixie's own code also takes a step over `*` for unrestricted there).
  const either = texts[3] !== "*" && texts[5] !== "*";

  return {
    vixie: texts[1]?.startsWith("*") || texts[2]?.startsWith("*") ? FOLLOWS_ELAPSED_TIME : ONCE_FOR_EACH_LOCAL_TIME,
    nextTime: everyCombination(hours.values, minutes.values, seconds.values),
    nextDay: daysOfMonths({
      nextMonth: monthsOfYears(months.values),
      matchesDay: (day, length, firstWeekday) => {
        const inMonth = byMonth(day, length, firstWeekday);
        const inWeek = byWeek(day, length, firstWeekday);
        return either ? inMonth || inWeek : inMonth && inWeek;
      },
    }),
  };
}

/** What a field lists: values, of which Sunday is 0 only, and days that depend on their month. */
export type FieldValues = { values: number[]; tests: DayTest[] };

/** Throws ScheduleError naming the field; `text` is what the message quotes. */
export function parseField(field: Field, value: string, text: string): FieldValues {
  const items = value.split(",");
  if (items.length > LONGEST_LIST) throw fieldError(field, `lists more than ${LONGEST_LIST} values`, text);
  const values = new Set<number>();
  const tests: DayTest[] = [];
  for (const [index, item] of items.entries()) {
    const test = field.special?.(item, (one) => numberOf(field, one));
    if (test !== undefined) {
      if (items.indexOf(item) < index) throw fieldError(field, `lists ${item} more than once`, text);
      tests.push(test);
      continue;
    }
    for (const found of parseItem(field, item, text)) {
      if (values.has(found)) throw fieldError(field, `lists ${found} more than once`, text);
      values.add(found);
    }
  }
  return { values: [...values].sort((a, b) => a - b), tests };
}

export function fieldError(field: Field, why: string, text: string): ScheduleError {
  return new ScheduleError("CRON_FIELD_INVALID", `schedule ${quote(text)}: ${field.name} ${why}`);
}

/** `*`, `a`, `a-b`, and each of these with a step; `a/n` goes on to the field's end. */
function parseItem(field: Field, item: string, text: string): Set<number> {
  const [range = "", step, ...more] = item.split("/");
  const [first = "", second, ...others] = range.split("-");
  const from = first === "*" && second === undefined ? field.min : numberOf(field, first);
  const last =
    second === undefined ? (first === "*" || step !== undefined ? field.max : from) : numberOf(field, second);
  const isNumber = step === undefined || /^\d*$/.test(step);
  if (from === undefined || last === undefined || !isNumber || more.length > 0 || others.length > 0) {
    throw fieldError(field, `must be ${field.allowed}`, text);
  }
  if (from > last) throw fieldError(field, `has a range that runs backwards (${from}-${last})`, text);
  if (step !== undefined && Number(step) < 1) throw fieldError(field, "must have a step of at least 1", text);

  const values = new Set<number>();
  for (let value = from; value <= last; value += Number(step ?? 1)) values.add(isWeekday(field) ? value % 7 : value);
  return values;
}

/** A number or a name in the bounds of the field; undefined for anything else. */
function numberOf({ min, max, names }: Field, text: string): number | undefined {
  const named = names?.words.indexOf(text) ?? -1;
  if (names !== undefined && named >= 0) return names.first + named;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

function isWeekday(field: Field): boolean {
  return field.max === 7;
}
