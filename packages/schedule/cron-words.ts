import { FIELDS, parseField } from "./cron-fields.ts";
import { listed, monthList, nthWord, ordinal, ranges, WEEKDAY_NAMES, weekdayList } from "./words.ts";

/** More times of day than this are told by their hours and minutes. */
const MOST_TIMES = 6;

/** `At 09:00, Monday to Friday`, `Every 15 minutes from 09:00 to 17:59, on the 13th of every month or every Friday`. */
export function cronWords(expression: string): string {
  const texts = expression.split(" ");
  if (texts.length === 5) texts.unshift("0");
  const [seconds = [], minutes = [], hours = [], , months = []] = FIELDS.map(
    (field, index) => parseField(field, texts[index] ?? "", expression).values,
  );
  const few = seconds.length === 1 && minutes.length * hours.length <= MOST_TIMES;
  const time = few ? timesOfDay(seconds, minutes, hours) : frequency(seconds, minutes, hours);
  const days = dayWords(texts[3] ?? "*", texts[5] ?? "*", months);
  if (days === null) return few ? `${time}, every day` : time;
  return `${time}, ${days}`;
}

function timesOfDay([second = 0]: number[], minutes: number[], hours: number[]): string {
  const seconds = second === 0 ? "" : `:${two(second)}`;
  return `At ${listed(hours.flatMap((hour) => minutes.map((minute) => `${two(hour)}:${two(minute)}${seconds}`)))}`;
}

function frequency(seconds: number[], minutes: number[], hours: number[]): string {
  const ofSeconds = often(seconds, 60, "second");
  const ofMinutes = often(minutes, 60, "minute");
  const bare = (words: string) => words.replace(/^at /, "");
  let words = ofMinutes;
  if (`${seconds}` !== "0") {
    words = minutes.length === 60 && !ofSeconds.startsWith("at ") ? ofSeconds : `${ofSeconds} of ${bare(ofMinutes)}`;
  } else if (`${minutes}` === "0" && (hours.length === 24 || isRun(hours))) {
    words = "every hour";
  }
  words += ofHours(hours, minutes, words.startsWith("every") || minutes.length === 60);
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** `every minute`, `every 15 minutes`, `every 15 minutes from minute 6`, `at minutes 0, 7 and 14`. */
function often(values: number[], size: number, unit: string): string {
  const [first = 0, second = first] = values;
  if (values.length === size) return `every ${unit}`;
  if (size % values.length === 0 && values.length > 1 && isEven(values, size / values.length)) {
    return `every ${second - first} ${unit}s${first === 0 ? "" : ` from ${unit} ${first}`}`;
  }
  return `at ${unit}${values.length === 1 ? "" : "s"} ${ranges(values, String)}`;
}

function ofHours(hours: number[], minutes: number[], isEvery: boolean): string {
  if (hours.length === 24) return isEvery ? "" : " of every hour";
  const [first = 0] = hours;
  const last = hours.at(-1) ?? 0;
  const end = `${two(last)}:${isEvery && `${minutes}` === "0" ? "00" : "59"}`;
  if (hours.length === 1 && !isEvery) return ` of the hour ${first}`;
  if (isRun(hours)) return `${isEvery ? "" : " of every hour"} from ${two(first)}:00 to ${end}`;
  if (24 % hours.length === 0 && hours.length > 2 && isEven(hours, 24 / hours.length)) {
    return ` of every ${ordinal(24 / hours.length)} hour${first === 0 ? "" : ` from ${two(first)}:00`}`;
  }
  return ` of the hours ${ranges(hours, String)}`;
}

function isRun(values: number[]): boolean {
  return isEven(values, 1);
}

function isEven(values: number[], step: number): boolean {
  return values.every((value, index) => value === (values[0] ?? 0) + index * step);
}

/** Null for every day of the year. */
function dayWords(ofMonth: string, ofWeek: string, months: number[]): string | null {
  const every = months.length === 12;
  const inMonths = every ? "" : ` in ${monthList(months)}`;
  const places = `of ${every ? "every month" : monthList(months)}`;
  if (ofMonth === "*" && ofWeek === "*") return every ? null : `every day${inMonths}`;
  const monthly = ofMonth === "*" ? "" : `on ${daysOfMonth(ofMonth)} ${places}`;
  if (ofWeek === "*") return monthly;
  const { plain, nth } = daysOfWeek(ofWeek);
  const weekly = [
    ...(plain.length > 0 ? [`${weekdayList(plain)}${inMonths}`] : []),
    ...(nth.length > 0 ? [`on the ${listed(nth)} ${places}`] : []),
  ];
  return listed(monthly === "" ? weekly : [monthly, ...weekly], "or");
}

/** `the 1st and 15th`, `the last day`, `the weekday nearest to the 15th`, `every 2nd day from the 1st`. */
function daysOfMonth(text: string): string {
  const { plain, other } = parted(text, 3);
  const special = other.map((item) => {
    const [, before, number, weekday] = /^(?:L(?:-(\d+))?|(\d+))(W)?$/.exec(item) ?? [];
    if (item === "LW") return "the last weekday";
    const day = number === undefined ? lastDay(Number(before ?? 0)) : ordinal(Number(number));
    return weekday === undefined ? `the ${day}` : `the weekday nearest to the ${day}`;
  });
  const [first = 1, second = first] = plain;
  const step = second - first;
  const isSeries = plain.length > 3 && step > 1 && isEven(plain, step) && (plain.at(-1) ?? 0) + step > 31;
  const numbers = isSeries ? `every ${ordinal(step)} day from the ${ordinal(first)}` : `the ${ranges(plain, ordinal)}`;
  return listed([...(plain.length > 0 ? [numbers] : []), ...special]);
}

function lastDay(before: number): string {
  return before === 0 ? "last day" : `${ordinal(before)} day before the last`;
}

function daysOfWeek(text: string): { plain: number[]; nth: string[] } {
  const { plain, other } = parted(text, 5);
  const nth = other.map((item) => {
    const [, name = "", place] = /^(.+?)(?:L|#(\d))$/.exec(item) ?? [];
    const [weekday = 0] = parted(name, 5).plain;
    return `${nthWord(Number(place ?? -1))} ${WEEKDAY_NAMES[weekday]}`;
  });
  return { plain, nth };
}

/** The values that a field lists, and the items that are none. */
function parted(text: string, index: 3 | 5): { plain: number[]; other: string[] } {
  const field = FIELDS[index];
  if (field === undefined) throw new Error("a cron expression has six fields");
  const other = text.split(",").filter((item) => field.special?.(item, () => 0) !== undefined);
  const rest = text.split(",").filter((item) => !other.includes(item));
  return { plain: rest.length === 0 ? [] : parseField(field, rest.join(","), text).values, other };
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
