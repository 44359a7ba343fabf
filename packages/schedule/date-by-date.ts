import type { DayOfMonth, DayRule } from "./calendar.ts";

/* For tests: what a rule for days means, asked of one date after the other, with what Temporal says about the date. */

export type DateFacts = {
  name: string;
  year: number;
  month: number;
  day: number;
  /** 0 is Sunday. */
  weekday: number;
  /** Days from 1970-01-01. */
  number: number;
  /** All dates of its month. */
  ofMonth: DateFacts[];
};

const years = new Map<number, DateFacts[]>();

export function datesOfYear(year: number): DateFacts[] {
  let dates = years.get(year);
  if (dates === undefined) {
    dates = Array.from({ length: 12 }, (_, month) => datesOfMonth(new Temporal.PlainYearMonth(year, month + 1))).flat();
    years.set(year, dates);
  }
  return dates;
}

function datesOfMonth(month: Temporal.PlainYearMonth): DateFacts[] {
  const epoch = Temporal.PlainDate.from("1970-01-01");
  const ofMonth: DateFacts[] = [];
  for (let day = 1; day <= month.daysInMonth; day++) {
    const date = month.toPlainDate({ day });
    const weekday = date.dayOfWeek % 7;
    const number = epoch.until(date, { largestUnit: "days" }).days;
    ofMonth.push({ name: `${date}`, year: date.year, month: date.month, day, weekday, number, ofMonth });
  }
  return ofMonth;
}

/** Whether a calendar form's rule names a date. */
export function namesDate(rule: DayRule, date: DateFacts): boolean {
  const from = datesOfYear(Number((rule.from ?? "1970").slice(0, 4))).find(
    ({ name }) => name === (rule.from ?? "1970-01-01"),
  );
  if (from === undefined) throw new Error(`${rule.from} is no date`);
  const monday = ({ number, weekday }: DateFacts) => number - ((weekday + 6) % 7);
  switch (rule.every) {
    case "day":
      return (date.number - from.number) % rule.interval === 0;
    case "week":
      return rule.weekdays.includes(date.weekday) && ((monday(date) - monday(from)) / 7) % rule.interval === 0;
    case "month":
      return isNamed(rule, date) && ((date.year - from.year) * 12 + date.month - from.month) % rule.interval === 0;
    case "year":
      return rule.months.includes(date.month) && isNamed(rule, date) && (date.year - from.year) % rule.interval === 0;
  }
}

function isNamed({ on, shortMonths }: Extract<DayRule, { on: DayOfMonth[] }>, date: DateFacts): boolean {
  return on.some((wanted) => {
    if ("nth" in wanted) return sameWeekday(date, wanted.weekday).at(wanted.nth - (wanted.nth > 0 ? 1 : 0)) === date;
    const named = date.ofMonth.at(wanted.day - (wanted.day > 0 ? 1 : 0));
    if (named !== undefined || shortMonths === "skip") return named === date;
    return date === date.ofMonth.at(wanted.day > 0 ? -1 : 0);
  });
}

/** Whether `15`, `L`, `L-3`, `LW` or `15W` in a cron expression's day of month names a date. */
export function isDayOfMonth(item: string, { ofMonth, day }: DateFacts): boolean {
  const [, last, before = "0", number, weekday] = /^(?:(L)(?:-(\d+))?|(\d+))(W)?$/.exec(item) ?? [];
  const named = last === undefined ? Number(number) : ofMonth.length - Number(before);
  if (named < 1 || named > ofMonth.length) return false;
  if (weekday === undefined) return day === named;
  const weekdays = ofMonth.filter((date) => date.weekday >= 1 && date.weekday <= 5).map((date) => date.day);
  return weekdays.sort((a, b) => Math.abs(a - named) - Math.abs(b - named))[0] === day;
}

/** Whether `5`, `5L` or `5#2` in a cron expression's day of week names a date. */
export function isDayOfWeek(item: string, date: DateFacts): boolean {
  const same = sameWeekday(date, Number(item[0]) % 7);
  if (item.endsWith("L")) return same.at(-1) === date;
  if (item.includes("#")) return same[Number(item.at(-1)) - 1] === date;
  return same.includes(date);
}

function sameWeekday({ ofMonth }: DateFacts, weekday: number): DateFacts[] {
  return ofMonth.filter((date) => date.weekday === weekday);
}
