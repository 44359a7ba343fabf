import type { DstRule } from "@belfry/contract/dst.ts";
import { describe, expect, it } from "vitest";
import { type CalendarSchedule, type DayRule, nextCalendar } from "./calendar.ts";
import { checkCalendar } from "./check-calendar.ts";
import { type CronSchedule, nextCron, parseCron } from "./cron.ts";
import { datesOfYear, namesDate } from "./date-by-date.ts";
import { expectedInstants, HOUR, lookAt, MINUTE, type Minute, readCron, type Window } from "./minute-by-minute.ts";

/*
 * Every zone that the runtime knows, twenty years, every change of an offset: a few schedules each time that are due about then,
 * with a rule of their own or without, and the same in places without a change. The choice is arbitrary but always the same.
 */
const FROM = Date.UTC(2010, 0, 1);
const TO = Date.UTC(2030, 0, 1);
const ZONES = Intl.supportedValuesOf("timeZone");
const SCHEDULES_EACH = 2;
/** More than one a minute, which is the most that is tried: a search that stands still must not run for ever. */
const MANY = 4_000;

const RULES: (DstRule | undefined)[] = [undefined, undefined, undefined];
for (const gap of ["shift", "next", "skip"] as const) {
  for (const fold of ["first", "last", "both"] as const) RULES.push({ gap, fold });
}

/** Numbers below `bound` that look random (a multiplicative generator of Lehmer's), the same in every run. */
function dice(seed: number): (bound: number) => number {
  let state = (seed * 48_271 + 11) % 2_147_483_647;
  return (bound) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % bound;
  };
}

type Case = { schedule: CronSchedule | CalendarSchedule; expected: (window: Window) => number[] };

function cron(text: string, timezone: string, dst: DstRule | undefined): Case {
  const { matches, seconds, vixie } = readCron(text);
  return {
    schedule: parseCron(text, timezone, { dst }),
    expected: (window) => expectedInstants(window, matches, seconds, dst ?? vixie),
  };
}

function calendar(times: string[], days: DayRule, timezone: string, dst: DstRule | undefined): Case {
  const minutes = times.map((time) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3)));
  const matches = (local: Minute) => {
    if (!minutes.includes(local.hour * 60 + local.minute)) return false;
    const date = datesOfYear(local.year).find(({ month, day }) => month === local.month && day === local.day);
    return date !== undefined && namesDate(days, date);
  };
  return {
    schedule: checkCalendar({ type: "calendar", times, days, timezone, ...(dst && { dst }) }, ""),
    expected: (window) => expectedInstants(window, matches, [0], dst ?? { gap: "next", fold: "first" }),
  };
}

/** A schedule that is due about a local time. */
function caseAbout(zone: string, local: Temporal.PlainDateTime, roll: (bound: number) => number): Case {
  const dst = RULES[roll(RULES.length)];
  const near = () => local.add({ minutes: roll(180) - 90 });
  const time = ({ hour, minute }: Temporal.PlainDateTime) =>
    `${hour}`.padStart(2, "0").concat(":", `${minute}`.padStart(2, "0"));
  const [one, two] = [near(), near()];
  const [m, h] = [one.minute, one.hour];
  const step = [2, 5, 7, 15, 20, 30][roll(6)];
  const weekday = one.dayOfWeek % 7;
  switch (roll(12)) {
    case 0:
      return cron(`${m} ${h} * * *`, zone, dst);
    case 1:
      return cron(`${m},${(m + 30) % 60} ${h},${two.hour === h ? (h + 1) % 24 : two.hour} * * *`, zone, dst);
    case 2:
      return cron(`*/${step} * * * *`, zone, dst);
    case 3:
      return cron(`*/${step} ${h} * * *`, zone, dst);
    case 4:
      return cron(`${m} */2 * * *`, zone, dst);
    case 5:
      return cron(`0-59/${step} 0-23 * * *`, zone, dst);
    case 6:
      return cron(`10,50 ${m} ${h} ${one.day} * ${weekday}`, zone, dst);
    case 7:
      return cron(`${m} ${h} ${one.day} ${one.month} *`, zone, dst);
    case 8:
      return calendar([time(one), time(two)], { every: "day", interval: 1 + roll(2) }, zone, dst);
    case 9:
      return calendar([time(one)], { every: "week", interval: 1 + roll(2), weekdays: [weekday] }, zone, dst);
    case 10:
      return calendar(
        [time(one), time(two)],
        { every: "month", interval: 1, on: [{ day: one.day - one.daysInMonth - 1 }], shortMonths: "last" },
        zone,
        dst,
      );
    default: {
      const on = [{ nth: Math.ceil(one.day / 7), weekday }];
      return calendar(
        [time(one)],
        { every: "year", interval: 1, months: [one.month], on, shortMonths: "skip" },
        zone,
        dst,
      );
    }
  }
}

function next(schedule: Case["schedule"], after: number): number | null {
  return schedule.type === "cron" ? nextCron(schedule, after) : nextCalendar(schedule, after);
}

function occurrences(schedule: Case["schedule"], after: number, upTo: number): number[] {
  const found: number[] = [];
  for (let at = next(schedule, after); at !== null && at <= upTo && found.length < MANY; at = next(schedule, at)) {
    found.push(at);
  }
  return found;
}

/** What a zone's offset changes by at an instant, in ms. */
function jump(change: Temporal.ZonedDateTime): number {
  return (change.offsetNanoseconds - change.subtract({ milliseconds: 1 }).offsetNanoseconds) / 1_000_000;
}

/** Places to look at: each change of twenty years, and two where nothing need happen. */
function placesIn(zone: string, roll: (bound: number) => number): { middle: number; reach: number }[] {
  const places = [0, 1].map(() => ({ middle: FROM + roll((TO - FROM) / HOUR) * HOUR, reach: 3 * HOUR }));
  let change = Temporal.Instant.fromEpochMilliseconds(FROM).toZonedDateTimeISO(zone).getTimeZoneTransition("next");
  while (change !== null && change.epochMilliseconds < TO) {
    // What is skipped or repeated, and what is due about that, lies within.
    places.push({ middle: change.epochMilliseconds, reach: Math.abs(jump(change)) + 2 * HOUR });
    change = change.getTimeZoneTransition("next");
  }
  return places;
}

describe("every zone, twenty years", () => {
  it("has the occurrences that minute by minute gives, about every change of the offset", () => {
    const wrong: unknown[] = [];
    let windows = 0;
    for (const [index, zone] of ZONES.entries()) {
      const roll = dice(index + 1);
      for (const { middle, reach } of placesIn(zone, roll)) {
        const window = lookAt(zone, middle, reach);
        windows++;
        // The local time by either of the offsets.
        const at = Temporal.Instant.fromEpochMilliseconds(middle - roll(2))
          .toZonedDateTimeISO(zone)
          .toPlainDateTime();
        // Once a year, looked for from another season.
        const { minute, hour, day, month } = at.add({ minutes: roll(180) - 90 });
        const yearly = cron(`${minute} ${hour} ${day} ${month} *`, zone, RULES[roll(RULES.length)]);
        const [only] = yearly.expected(window);
        const later = next(yearly.schedule, middle - (20 + roll(200)) * 24 * HOUR) ?? Infinity;
        if (only === undefined ? later <= window.end : later !== only)
          wrong.push({ ...yearly, window: new Date(middle), later, only });
        for (let n = 0; n < SCHEDULES_EACH; n++) {
          const { schedule, expected } = caseAbout(zone, at, roll);
          const all = expected(window);
          const found = occurrences(schedule, window.start + MINUTE, window.end);
          if (`${found}` !== `${all}`) wrong.push({ schedule, window: new Date(middle), found, all });
          // And from anywhere within.
          const after = window.start + MINUTE + roll(window.end - window.start - MINUTE);
          const first = next(schedule, after) ?? Infinity;
          const due = all.find((instant) => instant > after) ?? Infinity;
          if (first !== due && Math.min(first, due) <= window.end) wrong.push({ schedule, after, first, due });
        }
      }
    }
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(windows).toBeGreaterThan(5_000);
  }, 120_000);

  it("goes through all of them without a hole: once a week, as Temporal turns the local times into instants", () => {
    for (const [index, zone] of ZONES.entries()) {
      const roll = dice(index + 1_000);
      const [minute, hour, weekday] = [roll(60), roll(24), roll(7)];
      const rule = RULES[3 + roll(9)];
      if (rule === undefined) throw new Error("no such rule");
      const { schedule } = cron(`${minute} ${hour} * * ${weekday}`, zone, rule);
      const expected = new Set<number>();
      let date = Temporal.PlainDate.from("2010-01-01");
      date = date.add({ days: (weekday - date.dayOfWeek + 7) % 7 });
      for (let n = 0; n < 20 * 52; n++) {
        const local = date.toPlainDateTime({ hour, minute });
        const early = local.toZonedDateTime(zone, { disambiguation: "earlier" });
        const late = early.toPlainDateTime().equals(local)
          ? local.toZonedDateTime(zone, { disambiguation: "later" })
          : null;
        if (late !== null) {
          if (rule.fold !== "last") expected.add(early.epochMilliseconds);
          if (rule.fold !== "first") expected.add(late.epochMilliseconds);
        } else if (rule.gap === "shift") {
          expected.add(local.toZonedDateTime(zone, { disambiguation: "later" }).epochMilliseconds);
        } else if (rule.gap === "next") {
          expected.add(early.getTimeZoneTransition("next")?.epochMilliseconds ?? Number.NaN);
        }
        date = date.add({ days: 7 });
      }
      const all = [...expected];
      expect(occurrences(schedule, (all[0] ?? 0) - 1, all.at(-1) ?? 0), `${zone} ${JSON.stringify(schedule)}`).toEqual(
        all,
      );
    }
  }, 120_000);
});
