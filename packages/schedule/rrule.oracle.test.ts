import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextRrule } from "./rrule.ts";

/**
 * RFC 5545, 3.3.10, day by day: what a rule's parts say of a date, without any of the shortcuts of what is tested. Rules of days or longer,
 * without BYWEEKNO.
 */
type Rule = {
  freq: "DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY";
  interval: number;
  wkst: number;
  count?: number;
  byMonth?: number[];
  byMonthDay?: number[];
  byYearDay?: number[];
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
    ["BYDAY", rule.byDay?.map(({ nth, weekday }) => `${nth === 0 ? "" : nth}${NAMES[weekday - 1]}`)],
    ["BYHOUR", rule.byHour],
    ["BYMINUTE", rule.byMinute],
    ["BYSETPOS", rule.bySetPos],
  ];
  return `RRULE:${parts.flatMap(([name, values]) => (values ? [`${name}=${values.join(",")}`] : [])).join(";")}`;
}

/** The first `limit` instants in the years that begin with the start. */
function instantsOf(
  rule: Rule,
  start: Temporal.PlainDateTime,
  timezone: string,
  years: number,
  limit: number,
): number[] {
  const begin = start.toZonedDateTime(timezone).epochMilliseconds;
  const periods = new Map<number, number[]>();
  // From the first day of the period that holds the start, as BYSETPOS counts from there.
  const first = start.toPlainDate().with({ month: 1, day: 1 }).subtract({ days: 7 });
  const end = start.toPlainDate().add({ years });
  for (let date = first; Temporal.PlainDate.compare(date, end) < 0; date = date.add({ days: 1 })) {
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
  return later.slice(0, Math.min(limit, rule.count ?? Infinity));
}

function periodOf(date: Temporal.PlainDate, { freq, wkst }: Rule, start: Temporal.PlainDate): number {
  const weekOf = (day: Temporal.PlainDate) => day.subtract({ days: (day.dayOfWeek - wkst + 7) % 7 });
  switch (freq) {
    case "DAILY":
      return start.until(date, { largestUnit: "day" }).days;
    case "WEEKLY":
      return weekOf(start).until(weekOf(date), { largestUnit: "day" }).days / 7;
    case "MONTHLY":
      return (date.year - start.year) * 12 + date.month - start.month;
    case "YEARLY":
      return date.year - start.year;
  }
}

function matches(date: Temporal.PlainDate, rule: Rule, start: Temporal.PlainDateTime): boolean {
  const { freq, byMonth, byMonthDay, byYearDay, byDay } = rule;
  const signed = (values: number[], value: number, length: number) =>
    values.some((wanted) => (wanted > 0 ? wanted : length + 1 + wanted) === value);
  if (byMonth && !byMonth.includes(date.month)) return false;
  if (byMonthDay && !signed(byMonthDay, date.day, date.daysInMonth)) return false;
  if (byYearDay && !signed(byYearDay, date.dayOfYear, date.daysInYear)) return false;
  const inMonth = freq === "MONTHLY" || byMonth !== undefined;
  const [place, length] = inMonth ? [date.day, date.daysInMonth] : [date.dayOfYear, date.daysInYear];
  const isNth = (nth: number) =>
    nth === 0 || nth === Math.ceil(place / 7) || nth === -Math.ceil((length + 1 - place) / 7);
  if (byDay && !byDay.some(({ nth, weekday }) => weekday === date.dayOfWeek && isNth(nth))) return false;
  if (byDay || byMonthDay || byYearDay || freq === "DAILY") return true;
  // What the rule does not say comes from the start.
  if (freq === "WEEKLY") return date.dayOfWeek === start.dayOfWeek;
  return date.day === start.day && (freq === "MONTHLY" || byMonth !== undefined || date.month === start.month);
}

const some = <Value>(value: fc.Arbitrary<Value>, most: number) =>
  fc.option(fc.uniqueArray(value, { minLength: 1, maxLength: most, selector: (one) => JSON.stringify(one) }), {
    nil: undefined,
    freq: 1,
  });
const signedUpTo = (most: number) => fc.integer({ min: -most, max: most }).filter((value) => value !== 0);

const rules: fc.Arbitrary<Rule> = fc
  .constantFrom("DAILY" as const, "WEEKLY" as const, "MONTHLY" as const, "YEARLY" as const)
  .chain((freq) =>
    fc.record({
      freq: fc.constant(freq),
      interval: fc.integer({ min: 1, max: 4 }),
      wkst: fc.integer({ min: 1, max: 7 }),
      count: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
      byMonth: some(fc.integer({ min: 1, max: 12 }), 4),
      byMonthDay: freq === "WEEKLY" ? fc.constant(undefined) : some(signedUpTo(31), 4),
      byYearDay: freq === "YEARLY" ? some(signedUpTo(366), 3) : fc.constant(undefined),
      byDay: some(
        fc.record({
          nth: freq === "MONTHLY" || freq === "YEARLY" ? fc.integer({ min: -5, max: 5 }) : fc.constant(0),
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
    const chooses = rule.byMonth ?? rule.byMonthDay ?? rule.byYearDay ?? rule.byDay ?? rule.byHour ?? rule.byMinute;
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

describe("nextRrule", () => {
  it("has exactly the instants that the RFC's parts say, day by day", () => {
    fc.assert(
      fc.property(rules, starts, zones, (rule, wanted, timezone) => {
        // A start that a gap swallows is moved when it is read.
        const start = wanted.toZonedDateTime(timezone).toPlainDateTime();
        const schedule = { type: "rrule", rule: write(rule), start: start.toString(), timezone } as const;
        const expected = instantsOf(rule, start, timezone, 5, 40);
        const found: number[] = [];
        let after = start.toZonedDateTime(timezone).epochMilliseconds - 1;
        while (found.length < expected.length) {
          const next = nextRrule(schedule, after);
          if (next === null) break;
          found.push(next);
          after = next;
        }
        expect(found.map(iso)).toEqual(expected.map(iso));
        if (expected.length === rule.count) expect(nextRrule(schedule, after)).toBeNull();
      }),
      { numRuns: 60 },
    );
  });
});

const iso = (instant: number) => new Date(instant).toISOString();
