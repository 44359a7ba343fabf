import { fieldsOf, isWildcard } from "./cron-times.ts";
import { describe } from "./describe.ts";
import { windowText } from "./describe-made.ts";
import { lowerFirst } from "./describe-words.ts";
import { dstRuleOf, type LocalSchedule } from "./dst-rule-of.ts";
import { gapAt, notThatDay, swallowedBy } from "./explain-dst.ts";
import { dayNumber, movedInstants, whyExcluded, windowDate } from "./explain-moves.ts";
import { localText, localTime } from "./local-text.ts";
import { MAX_MOVE_DAYS, targetOf } from "./moved.ts";
import { nextFound, searchAfter } from "./next-run.ts";
import { occursAt } from "./occurs-at.ts";
import type { RestrictedSchedule } from "./restricted.ts";
import type { Schedule } from "./schedule.ts";
import { isTooRare } from "./search.ts";
import { listed } from "./words.ts";

/** An occurrence that was left out, or `count` of them for the same reason with none that stays in between, the last at `until`. */
export type DroppedOccurrence = { at: number; local: string; reason: string; until: number; count: number };

type Range = { from: number; to: number };
type Drop = { at: number; local: string; reason: string };

/** What is listed, and how many occurrences are looked at for that: some 50 ms. */
const MAX_DROPPED = 100;
const MAX_LOOKED_AT = 5_000;

/** What a schedule leaves out in a stretch of time, its ends included; `kept` are its occurrences there. */
export function describeDrops(
  schedule: Schedule,
  range: Range,
  kept: readonly number[],
  timezone: string,
  mayGoOn: () => boolean,
): { dropped: DroppedOccurrence[]; isComplete: boolean } {
  const look = { left: MAX_LOOKED_AT, isStopped: false, mayGoOn };
  const dropped: DroppedOccurrence[] = [];
  let next = 0;
  for (const drop of dropsFound(schedule, range, timezone, look).sort((a, b) => a.at - b.at)) {
    const last = dropped.at(-1);
    while ((kept[next] ?? Infinity) < drop.at) next += 1;
    if (last?.reason === drop.reason && (kept[next - 1] ?? -Infinity) < last.until) {
      last.count += last.until === drop.at ? 0 : 1;
      last.until = drop.at;
      continue;
    }
    if (dropped.length === MAX_DROPPED) return { dropped, isComplete: false };
    dropped.push({ ...drop, until: drop.at, count: 1 });
  }
  return { dropped, isComplete: look.left > 0 && !look.isStopped };
}

/** None, and known to be incomplete, if it takes too long to find out what a part of it has. */
function dropsFound(schedule: Schedule, range: Range, timezone: string, look: Look): Drop[] {
  try {
    return dropsOf(schedule, range, timezone, look);
  } catch (error) {
    if (!isTooRare(error)) throw error;
    look.isStopped = true;
    return [];
  }
}

type Look = { left: number; isStopped: boolean; mayGoOn: () => boolean };

function goesOn(look: Look): boolean {
  look.isStopped ||= !look.mayGoOn();
  return !look.isStopped;
}

function mayLook(look: Look): boolean {
  if (look.left <= 0 || !goesOn(look)) return false;
  look.left -= 1;
  return true;
}

function dropsOf(schedule: Schedule, range: Range, timezone: string, look: Look): Drop[] {
  switch (schedule.type) {
    case "cron":
    case "calendar":
    case "rrule":
      return swallowed(schedule, range, look);
    case "any":
      // Another part of it may have what one leaves out.
      return schedule.of
        .flatMap((inner) => dropsOf(inner, range, timezone, look))
        .filter(({ at }) => goesOn(look) && !occursAt(schedule, at, searchAfter(at - 1)));
    case "except":
      return [
        ...schedule.of.slice(0, 1).flatMap((inner) => dropsOf(inner, range, timezone, look)),
        ...excepted(schedule.of, range, timezone, look),
      ];
    case "restricted":
      return restrictedDrops(schedule, range, timezone, look);
    default:
      return [];
  }
}

/** The occurrences in a range, both ends included, as far as may still be looked. */
function* occurrencesIn(schedule: Schedule, { from, to }: Range, look: Look): Generator<number> {
  for (let at = nextFound(schedule, from - 1); at !== null && at <= to; at = nextFound(schedule, at)) {
    if (!mayLook(look)) return;
    yield at;
  }
}

function excepted([first, ...others]: readonly Schedule[], range: Range, timezone: string, look: Look): Drop[] {
  const drops: Drop[] = [];
  for (const at of first === undefined ? [] : occurrencesIn(first, range, look)) {
    const other = others.find((candidate) => occursAt(candidate, at, searchAfter(at - 1)));
    if (other === undefined) continue;
    drops.push({ at, local: localText(at, timezone), reason: `excepted: ${lowerFirst(describe(other))}` });
  }
  return drops;
}

function restrictedDrops(schedule: RestrictedSchedule, range: Range, timezone: string, look: Look): Drop[] {
  const { start = -Infinity, end = Infinity } = schedule;
  const bounded = { from: Math.max(range.from, start), to: Math.min(range.to, end - 1) };
  const drops: Drop[] = [];
  for (const at of occurrencesIn(schedule.of, bounded, look)) {
    const reason = whyDropped(schedule, at);
    if (reason !== null) drops.push({ at, local: localText(at, schedule.timezone), reason });
  }
  const inner = dropsOf(schedule.of, bounded, timezone, look);
  return [...drops, ...inner.filter(({ at }) => goesOn(look) && whyDropped(schedule, at) === null)];
}

/** Null for what stays, or is moved. */
function whyDropped(schedule: RestrictedSchedule, at: number): string | null {
  const day = windowDate(schedule, localTime(at, schedule.timezone));
  if (day === null) return `outside ${listed((schedule.windows ?? []).map(windowText))}`;
  const why = whyExcluded(schedule, day);
  if (why === null || movedInstants(schedule, at).length > 0) return null;
  const reason = why.startsWith("is ") ? `${day} ${why}` : `${why} ${day}`;
  return schedule.move === undefined ? reason : `${reason}, and ${whyNotMoved(schedule, day)}`;
}

function whyNotMoved(schedule: RestrictedSchedule, day: Temporal.PlainDate): string {
  const target = targetOf(schedule, dayNumber(day));
  if (target === null) return `there is no free day within ${MAX_MOVE_DAYS} days to which it could be moved`;
  const date = day.add({ days: target - dayNumber(day) });
  return `moved to ${date} it is outside of the windows or bounds`;
}

/** Local times that the clocks jump over, where the schedule's rule leaves them out. */
function swallowed(schedule: LocalSchedule, { from, to }: Range, look: Look): Drop[] {
  if (dstRuleOf(schedule).gap !== "skip" || followsElapsedTime(schedule)) return [];
  const drops: Drop[] = [];
  let time = localTime(from, schedule.timezone).subtract({ nanoseconds: 1 }).getTimeZoneTransition("next");
  while (time !== null && time.epochMilliseconds <= to && mayLook(look)) {
    const gap = gapAt(time);
    const times = gap === null ? [] : swallowedBy(schedule, gap);
    const at = time.epochMilliseconds;
    if (times.length > 0) drops.push({ at, local: time.toString(), reason: notThatDay(times) });
    time = time.getTimeZoneTransition("next");
  }
  return drops;
}

/** A pattern of every hour misses nothing on the day that has one less. */
function followsElapsedTime(schedule: LocalSchedule): boolean {
  return (
    schedule.type === "cron" &&
    schedule.dst === undefined &&
    isWildcard(schedule) &&
    fieldsOf(schedule.expression)[2] === "*"
  );
}
