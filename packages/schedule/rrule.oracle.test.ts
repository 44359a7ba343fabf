import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextRrule } from "./rrule.ts";

/**
 * RFC 5545, 3.3.10, day by day: what a rule's parts say of a date, without any of the shortcuts of what is tested. Rules of days or longer,
 * whatever BY… parts they have.
 */
type Rule = {
  freq: "DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY";
  interval: number;
  wkst: number;
  count?: number;
  byMonth?: number[];
  byMonthDay?: number[];
  byYearDay?: number[];
  byWeekNo?: number[];
  byDay?: { nth: number; weekday: number }[];
  byHour?: number[];
  byMinute?: number[];
  bySetPos?: number[];
};

const NAMES = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

function write(rule: Rule): string {
  const parts: [string, unknown[] | undefined][] = [
    ["FREQ", [rule.freq]],
    ["INTERVAL", [rule.interval]],
    ["WKST", [NAMES[rule.wkst - 1]]],
    ["COUNT", rule.count === undefined ? undefined : [rule.count]],
    ["BYMONTH", rule.byMonth],
    ["BYMONTHDAY", rule.byMonthDay],
    ["BYYEARDAY", rule.byYearDay],
    ["BYWEEKNO", rule.byWeekNo],
    ["BYDAY", rule.byDay?.map(({ nth, weekday }) => `${nth === 0 ? "" : nth}${NAMES[weekday - 1]}`)],
    ["BYHOUR", rule.byHour],
    ["BYMINUTE", rule.byMinute],
    ["BYSETPOS", rule.bySetPos],
  ];
  return `RRULE:${parts.flatMap(([name, values]) => (values ? [`${name}=${values.join(",")}`] : [])).join(";")}`;
}

/** The first `limit` instants before `end`. */
function instantsOf(
  rule: Rule,
  start: Temporal.PlainDateTime,
  timezone: string,
  end: Temporal.PlainDate,
  limit: number,
): number[] {
  const begin = start.toZonedDateTime(timezone).epochMilliseconds;
  const periods = new Map<number, number[]>();
  // All of the periods that hold the start and the end, as BYSETPOS counts in them.
  const [first, last] = [start.toPlainDate().subtract({ days: 400 }), end.add({ days: 400 })];
  for (let date = first; Temporal.PlainDate.compare(date, last) < 0; date = date.add({ days: 1 })) {
    const period = periodOf(date, rule, start.toPlainDate());
    if (period < 0 || period % rule.interval !== 0 || !matches(date, rule, start)) continue;
    const times = (rule.byHour ?? [start.hour]).flatMap((hour) =>
      (rule.byMinute ?? [start.minute]).map((minute) => date.toPlainDateTime({ hour, minute, second: start.second })),
    );
    const instants = times.flatMap((local) => {
      const zoned = local.toZonedDateTime(timezone, { disambiguation: "earlier" });
      return zoned.toPlainDateTime().equals(local) ? [zoned.epochMilliseconds] : [];
    });
    periods.set(period, [...(periods.get(period) ?? []), ...instants]);
  }
  const all = [...periods.values()].flatMap((instants) => {
    const sorted = [...new Set(instants)].sort((a, b) => a - b);
    if (rule.bySetPos === undefined) return sorted;
    const chosen = rule.bySetPos.map((position) => sorted.at(position > 0 ? position - 1 : position));
    return [...new Set(chosen.filter((instant) => instant !== undefined))];
  });
  const later = all.filter((instant) => instant >= begin).sort((a, b) => a - b);
  const until = end.toZonedDateTime(timezone).epochMilliseconds;
  return later.slice(0, Math.min(limit, rule.count ?? Infinity)).filter((instant) => instant < until);
}

/** The weeks of a year, by the days that they begin with: those that have four of their days in it, or more. */
function weeksOf(year: number, wkst: number): Temporal.PlainDate[] {
  const days = Array.from({ length: 380 }, (_, day) =>
    Temporal.PlainDate.from({ year, month: 1, day: 1 }).add({ days: day - 7 }),
  );
  return days.filter((day) => day.dayOfWeek === wkst && day.add({ days: 3 }).year === year);
}

function periodOf(date: Temporal.PlainDate, { freq, wkst, byWeekNo }: Rule, start: Temporal.PlainDate): number {
  const weekOf = (day: Temporal.PlainDate) => day.subtract({ days: (day.dayOfWeek - wkst + 7) % 7 });
  switch (freq) {
    case "DAILY":
      return start.until(date, { largestUnit: "day" }).days;
    case "WEEKLY":
      return weekOf(start).until(weekOf(date), { largestUnit: "day" }).days / 7;
    case "MONTHLY":
      return (date.year - start.year) * 12 + date.month - start.month;
    case "YEARLY":
      if (byWeekNo) return weekOf(date).add({ days: 3 }).year - weekOf(start).add({ days: 3 }).year;
      return date.year - start.year;
  }
}

function matches(date: Temporal.PlainDate, rule: Rule, start: Temporal.PlainDateTime): boolean {
  const { freq, byMonth, byMonthDay, byYearDay, byWeekNo, byDay } = rule;
  const signed = (values: number[], value: number, length: number) =>
    values.some((wanted) => (wanted > 0 ? wanted : length + 1 + wanted) === value);
  if (byMonth && !byMonth.includes(date.month)) return false;
  if (byMonthDay && !signed(byMonthDay, date.day, date.daysInMonth)) return false;
  if (byYearDay && !signed(byYearDay, date.dayOfYear, date.daysInYear)) return false;
  if (byWeekNo) {
    const week = date.subtract({ days: (date.dayOfWeek - rule.wkst + 7) % 7 });
    const weeks = weeksOf(week.add({ days: 3 }).year, rule.wkst);
    if (!signed(byWeekNo, weeks.findIndex((one) => one.equals(week)) + 1, weeks.length)) return false;
  }
  const inMonth = freq === "MONTHLY" || byMonth !== undefined;
  const [place, length] = inMonth ? [date.day, date.daysInMonth] : [date.dayOfYear, date.daysInYear];
  const isNth = (nth: number) =>
    nth === 0 || nth === Math.ceil(place / 7) || nth === -Math.ceil((length + 1 - place) / 7);
  if (byDay && !byDay.some(({ nth, weekday }) => weekday === date.dayOfWeek && isNth(nth))) return false;
  if (byDay || byMonthDay || byYearDay || freq === "DAILY") return true;
  // What the rule does not say comes from the start.
  if (freq === "WEEKLY" || byWeekNo) return date.dayOfWeek === start.dayOfWeek;
  return date.day === start.day && (freq === "MONTHLY" || byMonth !== undefined || date.month === start.month);
}

const some = <Value>(value: fc.Arbitrary<Value>, most: number) =>
  fc.option(fc.uniqueArray(value, { minLength: 1, maxLength: most, selector: (one) => JSON.stringify(one) }), {
    nil: undefined,
    freq: 1,
  });
const signedUpTo = (most: number) => fc.integer({ min: -most, max: most }).filter((value) => value !== 0);

const numbersOfDays = {
  MONTHLY: fc.integer({ min: -5, max: 5 }),
  YEARLY: fc.oneof(fc.integer({ min: -5, max: 5 }), fc.integer({ min: -53, max: 53 })),
};

const rules: fc.Arbitrary<Rule> = fc
  .constantFrom("DAILY" as const, "WEEKLY" as const, "MONTHLY" as const, "YEARLY" as const)
  .chain((freq) => fc.tuple(fc.constant(freq), freq === "YEARLY" ? fc.boolean() : fc.constant(false)))
  .chain(([freq, byWeeks]) =>
    fc.record({
      freq: fc.constant(freq),
      interval: fc.integer({ min: 1, max: 4 }),
      wkst: fc.integer({ min: 1, max: 7 }),
      count: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
      byMonth: some(fc.integer({ min: 1, max: 12 }), 4),
      byMonthDay: freq === "WEEKLY" || byWeeks ? fc.constant(undefined) : some(signedUpTo(31), 4),
      byYearDay: freq === "YEARLY" && !byWeeks ? some(signedUpTo(366), 3) : fc.constant(undefined),
      byWeekNo: byWeeks ? some(signedUpTo(53), 3) : fc.constant(undefined),
      byDay: some(
        fc.record({
          nth: byWeeks || freq === "WEEKLY" || freq === "DAILY" ? fc.constant(0) : numbersOfDays[freq],
          weekday: fc.integer({ min: 1, max: 7 }),
        }),
        3,
      ),
      byHour: some(fc.constantFrom(0, 1, 2, 3, 9, 23), 3),
      byMinute: some(fc.constantFrom(0, 15, 30, 59), 2),
      bySetPos: some(signedUpTo(4), 2),
    }),
  )
  .map(({ bySetPos, ...rule }) => {
    const chooses =
      rule.byMonth ?? rule.byMonthDay ?? rule.byYearDay ?? rule.byWeekNo ?? rule.byDay ?? rule.byHour ?? rule.byMinute;
    const all = { ...rule, bySetPos: chooses && bySetPos };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Rule;
  });

const starts = fc
  .record({
    day: fc.integer({ min: 0, max: 730 }),
    time: fc.constantFrom("00:00", "00:30", "01:30", "02:15", "02:30", "09:00", "23:30"),
  })
  .map(({ day, time }) =>
    Temporal.PlainDate.from("2024-01-01").add({ days: day }).toPlainDateTime(Temporal.PlainTime.from(time)),
  );
const zones = fc.constantFrom(
  "UTC",
  "America/New_York",
  "Australia/Lord_Howe",
  "Africa/Cairo",
  "Europe/Dublin",
  "America/Nuuk",
);

/** Local times that do not exist; the time that takes the place of the last one is of the day after. */
const gaps = fc.constantFrom(
  ["2026-03-08T02:30", "America/New_York"],
  ["2025-04-25T00:30", "Africa/Cairo"],
  ["2024-10-06T02:15", "Australia/Lord_Howe"],
  ["2024-03-30T23:30", "America/Nuuk"],
);
const begins = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(starts, zones) },
  { weight: 1, arbitrary: gaps.map(([local = "", zone = ""]) => [Temporal.PlainDateTime.from(local), zone] as const) },
);

/** In so many years from the start on. */
const YEARS = 5;
const LIMIT = 40;

describe("nextRrule", () => {
  it("has exactly the instants that the RFC's parts say, day by day", () => {
    fc.assert(
      fc.property(rules, begins, (rule, [start, timezone]) => {
        const schedule = { type: "rrule", rule: write(rule), start: start.toString(), timezone } as const;
        const end = start.toPlainDate().add({ years: YEARS });
        const until = end.toZonedDateTime(timezone).epochMilliseconds;
        const found: number[] = [];
        let next = nextRrule(schedule, start.toZonedDateTime(timezone).epochMilliseconds - 1);
        while (next !== null && next < until && found.length < LIMIT) {
          found.push(next);
          next = nextRrule(schedule, next);
        }
        expect(found.map(iso)).toEqual(instantsOf(rule, start, timezone, end, LIMIT).map(iso));
        if (found.length === rule.count) expect(next).toBeNull();
      }),
      { numRuns: 100 },
    );
  });
});

const iso = (instant: number) => new Date(instant).toISOString();
