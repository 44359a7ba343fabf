import { isWithin } from "./is-within.ts";
import { clockText, localTime } from "./local-text.ts";
import { instantsOf, MAX_MOVE_DAYS, moveRuleOf, targetOf } from "./moved.ts";
import { nextFound, searchAfter } from "./next-run.ts";
import { occursAt } from "./occurs-at.ts";
import type { RestrictedSchedule } from "./restricted.ts";
import { restrictionsOf } from "./restrictions.ts";
import type { Schedule } from "./schedule.ts";
import { WEEKDAY_NAMES } from "./words.ts";

/** From which days an occurrence was moved, and to which day it belongs where that is not the date that the clocks show. */
export function moveNotes(schedule: Schedule, at: number): string[] {
  switch (schedule.type) {
    case "any":
    case "all":
      return [...new Set(schedule.of.flatMap((inner) => moveNotes(inner, at)))];
    case "except":
      return schedule.of.slice(0, 1).flatMap((inner) => moveNotes(inner, at));
    case "restricted":
      return isWithin(schedule, at)
        ? [...nightNotes(schedule, at), ...movedHere(schedule, at), ...moveNotes(schedule.of, at)]
        : [];
    default:
      return [];
  }
}

function nightNotes(schedule: RestrictedSchedule, at: number): string[] {
  const day = windowDate(schedule, localTime(at, schedule.timezone));
  if (day === null || day.equals(localTime(at, schedule.timezone).toPlainDate())) return [];
  return [`in the window that began on ${day}`];
}

function movedHere(schedule: RestrictedSchedule, at: number): string[] {
  if (schedule.move === undefined) return [];
  const time = localTime(at, schedule.timezone);
  const sign = schedule.move === "next" ? -1 : 1;
  const notes: string[] = [];
  for (let days = 1; days <= MAX_MOVE_DAYS; days++) {
    const there = time.toPlainDateTime().add({ days: days * sign });
    const day = windowDate(schedule, there);
    const why = day === null ? null : whyExcluded(schedule, day);
    if (why === null) break;
    const [source] = sourcesAt(schedule, there, at);
    if (source === undefined) continue;
    const clock = clockText(localTime(source, schedule.timezone));
    const gap =
      clock === clockText(time) ? "" : `; local time ${clock} does not exist on the day to which it was moved`;
    notes.push(`moved from ${day}, which ${why}${gap}`);
  }
  return sign === -1 ? notes.reverse() : notes;
}

/** The occurrences of the schedule inside whose clocks show a time, or one that a gap at the target makes this late, and which go to `target`. */
function sourcesAt(schedule: RestrictedSchedule, time: Temporal.PlainDateTime, target: number): number[] {
  const before = localTime(target, schedule.timezone).add({ nanoseconds: 1 }).getTimeZoneTransition("previous");
  const gap = before === null ? 0 : before.offsetNanoseconds - before.subtract({ nanoseconds: 1 }).offsetNanoseconds;
  const shown = time.toZonedDateTime(schedule.timezone).epochMilliseconds;
  // All that a gap swallows may come at its end: the first of it stands for all.
  const atGapsEnd = gap > 0 && before?.epochMilliseconds === target;
  const first = atGapsEnd ? nextFound(schedule.of, shown - gap / 1_000_000 - 1) : null;
  const swallowed = first !== null && first < shown ? [first] : [];
  return [time, time.subtract({ nanoseconds: Math.max(0, gap) })]
    .flatMap((local) =>
      (["earlier", "later"] as const).map((disambiguation) =>
        local.toZonedDateTime(schedule.timezone, { disambiguation }),
      ),
    )
    .map((source) => source.epochMilliseconds)
    .concat(swallowed)
    .filter((source) => movedInstants(schedule, source).includes(target))
    .filter((source) => occursAt(schedule.of, source, searchAfter(source - 1)));
}

/** Where an occurrence on a day that is excluded goes: nowhere, or to one instant or two. */
export function movedInstants(schedule: RestrictedSchedule, at: number): number[] {
  const time = localTime(at, schedule.timezone);
  const day = windowDate(schedule, time);
  if (day === null || schedule.move === undefined) return [];
  const number = dayNumber(day);
  const target = targetOf(schedule, number);
  if (target === null || target === number) return [];
  const local = time
    .toPlainDateTime()
    .add({ days: target - number })
    .toZonedDateTime("UTC").epochMilliseconds;
  return instantsOf(schedule.timezone, local, moveRuleOf(schedule)).filter((moved) => isWithin(schedule, moved));
}

/** The date to which a local time belongs; null outside of the windows. */
export function windowDate(
  schedule: RestrictedSchedule,
  time: Temporal.PlainDateTime | Temporal.ZonedDateTime,
): Temporal.PlainDate | null {
  const local = time.toPlainTime().since(Temporal.PlainTime.from("00:00")).total("milliseconds");
  const today = dayNumber(time.toPlainDate());
  const day = restrictionsOf(schedule).dayOf(today * 86_400_000 + local);
  return day === null ? null : time.toPlainDate().add({ days: day - today });
}

/** `calendar holidays excludes`, to be put after "which"; null for a day that is free. */
export function whyExcluded(schedule: RestrictedSchedule, day: Temporal.PlainDate): string | null {
  const { excludeDates = [], weekdays, calendars = [] } = schedule;
  const date = day.toString();
  if (excludeDates.includes(date)) return "is excluded";
  for (const { name, mode, dates } of calendars) {
    if (mode === "exclude" && dates.includes(date)) return `calendar ${name} excludes`;
    if (mode === "include" && !dates.includes(date)) return `calendar ${name} does not include`;
  }
  const weekday = day.dayOfWeek % 7;
  return weekdays === undefined || weekdays.includes(weekday) ? null : `is a ${WEEKDAY_NAMES[weekday]}`;
}

/** Counted from 1970-01-01. */
export function dayNumber(date: Temporal.PlainDate): number {
  return date.toZonedDateTime("UTC").epochMilliseconds / 86_400_000;
}
