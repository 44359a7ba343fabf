import { dstRuleOf, type LocalSchedule } from "./dst-rule-of.ts";
import { clockText, localTime } from "./local-text.ts";
import { searchAfter } from "./next-run.ts";
import { occurrencesBetween } from "./occurrences.ts";
import { occursAt } from "./occurs-at.ts";
import type { Schedule } from "./schedule.ts";
import { listed } from "./words.ts";

/** Local times that the clocks of a zone jump over, at `at`. */
export type Gap = { at: Temporal.ZonedDateTime; from: Temporal.PlainDateTime; to: Temporal.PlainDateTime };

const SHOWN_TIMES = 4;

/** What a change of the clocks has to do with an occurrence. */
export function dstNotes(schedule: Schedule, at: number): string[] {
  const notes = sourcesOf(schedule, at).flatMap((source) => {
    const time = localTime(at, source.timezone);
    return [...gapNotes(source, time), ...foldNotes(time)];
  });
  return [...new Set(notes)];
}

/** The schedules of local times from which an occurrence comes. */
function sourcesOf(schedule: Schedule, at: number): LocalSchedule[] {
  if (!occursAt(schedule, at, searchAfter(at - 1))) return [];
  switch (schedule.type) {
    case "cron":
    case "calendar":
    case "rrule":
      return [schedule];
    case "any":
    case "all":
      return schedule.of.flatMap((inner) => sourcesOf(inner, at));
    case "except":
      return schedule.of.slice(0, 1).flatMap((inner) => sourcesOf(inner, at));
    case "restricted":
      return sourcesOf(schedule.of, at);
    default:
      return [];
  }
}

function gapNotes(source: LocalSchedule, time: Temporal.ZonedDateTime): string[] {
  const gap = gapBefore(time);
  const rule = dstRuleOf(source).gap;
  if (gap === null || rule === "skip") return [];
  const swallowed = swallowedBy(source, gap).filter((wanted) => {
    if (rule === "next") return time.epochMilliseconds === gap.at.epochMilliseconds;
    // Read with the offset before the gap, it is later by its length.
    const later = gap.at.epochMilliseconds + wanted.since(gap.from).total("milliseconds");
    return time.epochMilliseconds === later;
  });
  if (swallowed.length === 0) return [];
  return [`${notThatDay(swallowed)}; runs at ${clockText(time)} after the clocks go forward`];
}

/** `local time 02:30 does not exist that day`. */
export function notThatDay(times: readonly Temporal.PlainDateTime[]): string {
  const shown = times.slice(0, SHOWN_TIMES).map(clockText);
  const more = times.length - shown.length;
  if (times.length === 1) return `local time ${shown[0]} does not exist that day`;
  return `local times ${listed(more > 0 ? [...shown, `${more} more`] : shown)} do not exist that day`;
}

function foldNotes(time: Temporal.ZonedDateTime): string[] {
  const read = (disambiguation: "earlier" | "later") =>
    time.toPlainDateTime().toZonedDateTime(time.timeZoneId, { disambiguation }).epochMilliseconds;
  const [first, second] = [read("earlier"), read("later")];
  if (first === second) return [];
  return [`the local time comes twice; this is the ${time.epochMilliseconds === first ? "first" : "second"} pass`];
}

/** The gap that ended at this time, or so shortly before that a time in it may have been put off to this one. */
function gapBefore(time: Temporal.ZonedDateTime): Gap | null {
  const at = time.add({ nanoseconds: 1 }).getTimeZoneTransition("previous");
  const gap = at === null ? null : gapAt(at);
  if (gap === null) return null;
  return Temporal.PlainDateTime.compare(time.toPlainDateTime(), gap.to.add(gap.to.since(gap.from))) < 0 ? gap : null;
}

/** What the clocks jump over at a change of offset; null if they go back. */
export function gapAt(at: Temporal.ZonedDateTime): Gap | null {
  const before = at.subtract({ nanoseconds: 1 });
  const length = at.offsetNanoseconds - before.offsetNanoseconds;
  if (length <= 0) return null;
  const to = at.toPlainDateTime();
  return { at, from: to.subtract({ nanoseconds: length }), to };
}

/** What a schedule wants to run in a gap: as it would in a zone whose clocks are never changed. */
export function swallowedBy(source: LocalSchedule, { from, to }: Gap): Temporal.PlainDateTime[] {
  const { dst: _, ...unchanged } = { dst: undefined, ...source, timezone: "UTC" };
  const inUtc = (time: Temporal.PlainDateTime) => time.toZonedDateTime("UTC").epochMilliseconds;
  return occurrencesBetween(unchanged, inUtc(from) - 1, inUtc(to) - 1, 100).map((at) =>
    localTime(at, "UTC").toPlainDateTime(),
  );
}
