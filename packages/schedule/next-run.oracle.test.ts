import type { DstRule } from "@belfry/contract/dst.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CronSchedule } from "./cron.ts";
import { expectedInstants, HOUR, lookAt, MINUTE, readCron, type Window } from "./minute-by-minute.ts";
import { nextRun } from "./next-run.ts";
import { occurrencesBetween } from "./occurrences.ts";
import { parseSchedule } from "./parse-schedule.ts";

/** More than one a minute, which is the most that is tried: a search that stands still must not run for ever. */
const MANY = 10_000;

const YEARS: [zone: string, from: string, to: string][] = [
  ["America/New_York", "2025-01-01", "2026-01-01"],
  ["Australia/Lord_Howe", "2025-01-01", "2026-01-01"],
  ["Africa/Cairo", "2010-01-01", "2011-01-01"], // four changes, for Ramadan
  ["Africa/Cairo", "2025-01-01", "2026-01-01"],
  ["Pacific/Apia", "2010-01-01", "2012-01-01"], // the skipped day among them
  ["Pacific/Kwajalein", "1969-01-01", "1970-01-01"], // 23 hours repeated
  ["America/Nuuk", "2023-01-01", "2026-01-01"], // 2023: forward, and not back
  ["Antarctica/Troll", "2025-01-01", "2026-01-01"],
  ["Europe/Dublin", "2025-01-01", "2026-01-01"], // winter is the exception there
  ["Africa/Casablanca", "2026-01-01", "2027-01-01"],
];

type Named = Window & { name: string };

function around(zone: string, middle: number): Named {
  return { ...lookAt(zone, middle, 40 * HOUR), name: `${zone} ${new Date(middle).toISOString()}` };
}

const windows = [around("Asia/Kathmandu", Date.UTC(2025, 1, 28)), around("UTC", Date.UTC(2024, 11, 31))];
for (const [zone, from, to] of YEARS) {
  let change = Temporal.PlainDate.from(from).toZonedDateTime(zone).getTimeZoneTransition("next");
  while (change !== null && Temporal.PlainDateTime.compare(change.toPlainDateTime(), to) < 0) {
    windows.push(around(zone, change.epochMilliseconds));
    change = change.getTimeZoneTransition("next");
  }
}

const EXPRESSIONS = [
  "* * * * *",
  "*/15 * * * *",
  "*/7 1-3 * * *",
  "0 * * * *",
  "20 */2 * * *",
  "0 9 * * *",
  "0 0 * * *",
  "30 0 * * *",
  "15,45 1,2 * * *",
  "0-59/10 0-3 * * *",
  "30 2 * * 0",
  "45 23 * * *",
  "0,30 22-23 * * 6",
  "0 12 30,31 * *",
  "5 4 1-7 * 0",
  "0 0-23 * * *",
  "10,50 59 23 * * *",
  "*/20 */10 1 * * *",
];

/** Vixie's first, then every rule that a job can choose. */
const RULES: (DstRule | undefined)[] = [undefined];
for (const gap of ["shift", "next", "skip"] as const) {
  for (const fold of ["first", "last", "both"] as const) RULES.push({ gap, fold });
}

function schedule(text: string, { zone }: Window, dst: DstRule | undefined): CronSchedule {
  const parsed = parseSchedule(text, { timezone: zone, anchor: 0 });
  if (parsed.type !== "cron") throw new Error(`${text} is no cron expression`);
  return { ...parsed, ...(dst && { dst }) };
}

function expected(text: string, window: Window, dst: DstRule | undefined): number[] {
  const { matches, seconds, vixie } = readCron(text);
  return expectedInstants(window, matches, seconds, dst ?? vixie);
}

describe("nextRun against minute by minute", () => {
  it.each(windows.map((window) => [window.name, window] as const))("around %s", (_, window) => {
    for (const text of EXPRESSIONS) {
      for (const dst of RULES) {
        const found = occurrencesBetween(schedule(text, window, dst), window.start + MINUTE, window.end, MANY);
        expect(found, `${text} ${JSON.stringify(dst)}`).toEqual(expected(text, window, dst));
      }
    }
  });

  it("holds for any expression and rule, from any instant", () => {
    const value = (min: number, max: number) => fc.integer({ min, max });
    const field = (min: number, max: number, stars: number) =>
      fc.oneof(
        { weight: stars, arbitrary: fc.constant("*") },
        { weight: 1, arbitrary: value(1, Math.ceil(max / 2)).map((step) => `*/${step}`) },
        { weight: 2, arbitrary: value(min, max).map(String) },
        {
          weight: 2,
          arbitrary: fc.uniqueArray(value(min, max), { minLength: 2, maxLength: 4 }).map((list) => list.join(",")),
        },
        {
          weight: 2,
          arbitrary: fc
            .tuple(value(min, max), value(min, max), value(1, 4))
            .map(([a, b, step]) => `${Math.min(a, b)}-${Math.max(a, b)}/${step}`),
        },
      );
    const expression = fc
      .tuple(
        field(0, 59, 1),
        fc.oneof(field(0, 23, 1), field(0, 4, 1), field(21, 23, 1)),
        field(1, 31, 8),
        fc.constant("*"),
        field(0, 6, 8),
      )
      .map((fields) => fields.join(" "));
    const place = fc.tuple(value(0, windows.length - 1), value(0, 80 * 60), value(-1, 1));

    fc.assert(
      fc.property(expression, fc.constantFrom(...RULES), place, (text, dst, [index, minutes, ms]) => {
        const window = windows[index];
        if (window === undefined) throw new Error("no such window");
        const cron = schedule(text, window, dst);
        const all = expected(text, window, dst);
        expect(occurrencesBetween(cron, window.start + MINUTE, window.end, MANY)).toEqual(all);
        const after = Math.max(window.start + MINUTE, window.start + minutes * MINUTE + ms);
        const first = all.find((at) => at > after);
        if (first === undefined) expect(nextRun(cron, after) ?? Infinity).toBeGreaterThan(window.end);
        else expect(nextRun(cron, after)).toBe(first);
      }),
      { numRuns: 600 },
    );
  });
});
