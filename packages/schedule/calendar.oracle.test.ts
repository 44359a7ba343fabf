import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DayOfMonth, DayRule } from "./calendar.ts";
import { checkCalendar } from "./check-calendar.ts";
import { parseCron } from "./cron.ts";
import { type DateFacts, datesOfYear, isDayOfMonth, isDayOfWeek, namesDate } from "./date-by-date.ts";
import { ScheduleError } from "./errors.ts";
import { nextRun } from "./next-run.ts";
import type { Schedule } from "./schedule.ts";

const integer = (min: number, max: number) => fc.integer({ min, max });
const some = <T>(one: fc.Arbitrary<T>, maxLength: number) => fc.array(one, { minLength: 1, maxLength });

/** So many years in a row, which hold a leap day but where a century has none. */
const YEARS = 5;
const firstYear = fc.constantFrom(2023, 2026, 2096, 2099);

function datesFrom(year: number): DateFacts[] {
  return Array.from({ length: YEARS }, (_, index) => datesOfYear(year + index)).flat();
}

/** The dates on which a schedule that runs once a day in UTC does run. */
function datesOf(schedule: Schedule, year: number): string[] {
  const found: string[] = [];
  const end = Date.UTC(year + YEARS);
  let next = nextRun(schedule, Date.UTC(year) - 1);
  while (next !== null && next < end) {
    found.push(new Date(next).toISOString().slice(0, 10));
    next = nextRun(schedule, next);
  }
  return found;
}

describe("against date by date", () => {
  it("calendar forms run on the dates that they name, and no other", () => {
    const dayOfMonth: fc.Arbitrary<DayOfMonth> = fc.oneof(
      fc.record({ day: fc.oneof(integer(1, 31), integer(28, 31), integer(-31, -1)) }),
      fc.record({ nth: fc.constantFrom(1, 2, 3, 4, 5, -1, -2, -3, -4, -5), weekday: integer(0, 6) }),
    );
    const on = some(dayOfMonth, 4);
    const shortMonths = fc.constantFrom("last" as const, "skip" as const);
    const from = fc.constantFrom(undefined, "2024-02-29", "2026-01-31", "2026-11-20", "2099-12-27");
    const rule: fc.Arbitrary<DayRule> = fc
      .tuple(
        fc.oneof(
          fc.record({ every: fc.constant("day" as const), interval: integer(1, 100) }),
          fc.record({ every: fc.constant("week" as const), interval: integer(1, 9), weekdays: some(integer(0, 6), 7) }),
          fc.record({ every: fc.constant("month" as const), interval: integer(1, 14), on, shortMonths }),
          fc.record({
            every: fc.constant("year" as const),
            interval: integer(1, 4),
            months: some(integer(1, 12), 5),
            on,
            shortMonths,
          }),
        ),
        from,
      )
      .map(([days, date]) => ({ ...days, ...(date !== undefined && { from: date }) }));

    fc.assert(
      fc.property(rule, firstYear, (days, year) => {
        let schedule: Schedule;
        try {
          schedule = checkCalendar({ type: "calendar", times: ["12:30"], days, timezone: "UTC" }, "");
        } catch (error) {
          // Some day of it never comes.
          if (error instanceof ScheduleError && error.message.includes("never comes")) return;
          throw error;
        }
        const named = datesFrom(year).filter((date) => namesDate(days, date));
        expect(datesOf(schedule, year)).toEqual(named.map(({ name }) => name));
      }),
      { numRuns: 600 },
    );
  });

  it("the days of cron expressions are those that they name", () => {
    const month = fc.oneof(
      integer(1, 31).map(String),
      integer(1, 31).map((day) => `${day}W`),
      integer(0, 30).map((day) => `L-${day}`),
      integer(0, 30).map((day) => `L-${day}W`),
      fc.constantFrom("L", "LW"),
    );
    const week = fc.oneof(
      integer(0, 7).map(String),
      integer(0, 7).map((day) => `${day}L`),
      fc.tuple(integer(0, 7), integer(1, 5)).map(([day, nth]) => `${day}#${nth}`),
    );
    const list = (one: fc.Arbitrary<string>, field: RegExp) =>
      fc.uniqueArray(one, { minLength: 1, maxLength: 3, selector: (item) => item.replace(field, "0") });
    const days = fc.oneof(
      fc.tuple(list(month, /^$/), fc.constant(["*"])),
      fc.tuple(fc.constant(["*"]), list(week, /^7$/)),
      fc.tuple(list(month, /^$/), list(week, /^7$/)),
    );
    fc.assert(
      fc.property(days, firstYear, ([ofMonth, ofWeek], year) => {
        const schedule = parseCron(`30 12 ${ofMonth.join(",")} * ${ofWeek.join(",")}`, "UTC");
        const [anyDay, anyWeekday] = [ofMonth[0] === "*", ofWeek[0] === "*"];
        const named = datesFrom(year).filter(
          (date) =>
            (!anyDay && ofMonth.some((item) => isDayOfMonth(item, date))) ||
            (!anyWeekday && ofWeek.some((item) => isDayOfWeek(item, date))),
        );
        expect(datesOf(schedule, year)).toEqual(named.map(({ name }) => name));
      }),
      { numRuns: 400 },
    );
  });
});
