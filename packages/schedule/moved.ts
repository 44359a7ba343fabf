import { DAY_MS } from "./civil.ts";
import { isWithin } from "./is-within.ts";
import type { RestrictedSchedule } from "./restricted.ts";
import { restrictionsOf, type Span } from "./restrictions.ts";
import { ruleOut } from "./rule-out.ts";
import { PATIENCE, type Search, stepsToAsk } from "./search.ts";
import { type Segment, segmentAt } from "./zone.ts";

/** An occurrence that would have to be moved by more days than these is dropped. */
export const MAX_MOVE_DAYS = 31;

/** The first occurrence strictly after an instant of a schedule that moves what lies on days that are excluded. */
export function nextMoved(schedule: RestrictedSchedule, after: number, search: Search): number | null {
  const { timezone } = schedule;
  const dayAt = (instant: number): number => Math.floor((instant + segmentAt(timezone, instant).offset) / DAY_MS);

  let best: number | null = null;
  let day: number | null = firstSource(schedule, dayAt(after) - 2);
  while (day !== null) {
    day = nextSource(schedule, day, search);
    if (day === null) break;
    const target = targetOf(schedule, day);
    if (target === null) {
      day = nextWithTarget(schedule, day + 1);
      continue;
    }
    // Later sources have later targets, or the same one; a window that goes over midnight reaches into the day after.
    if (best !== null && target > dayAt(best) + 1) break;
    const moved = firstMoved(schedule, day, target, after, search);
    if (moved !== null && (best === null || moved < best)) best = moved;
    day += 1;
  }
  return best;
}

/** The day to which the occurrences of a day go: itself if it is free; null if none is near enough. */
export function targetOf(schedule: RestrictedSchedule, day: number): number | null {
  const { allows } = restrictionsOf(schedule);
  const direction = schedule.move === "next" ? 1 : -1;
  for (let days = 0; days <= MAX_MOVE_DAYS; days++) {
    if (allows(day + days * direction)) return day + days * direction;
  }
  return null;
}

/** The first day whose occurrences can go to `target` or a later day. */
function firstSource(schedule: RestrictedSchedule, target: number): number {
  if (schedule.move === "previous") return target;
  const { allows } = restrictionsOf(schedule);
  let day = target;
  while (target - day < MAX_MOVE_DAYS && !allows(day - 1)) day -= 1;
  return day;
}

/** The first day from one on whose occurrences are not dropped, or null. */
function nextWithTarget(schedule: RestrictedSchedule, day: number): number | null {
  if (targetOf(schedule, day) !== null) return day;
  const free = restrictionsOf(schedule).nextAllowed(day);
  if (free === null) return null;
  return schedule.move === "next" ? Math.max(day, free - MAX_MOVE_DAYS) : free;
}

/** A day, not before `day`, before which no further occurrence lies in the windows, whether its day is free or not; null if none follows. */
function nextSource(schedule: RestrictedSchedule, day: number, search: Search): number | null {
  const { windowsOnly, spans } = restrictionsOf(schedule);
  const { dayOf, nextOpening } = restrictionsOf(windowsOnly);
  let from = firstShowing(schedule.timezone, day * DAY_MS + (spans[0]?.from ?? 0));
  for (let tried = 1; ; tried++) {
    const next = search.next(schedule.of, from - 1);
    if (next === null || next > search.limit || !search.step(schedule, stepsToAsk(schedule.of))) return null;
    const { offset, end } = segmentAt(schedule.timezone, next);
    const found = dayOf(next + offset);
    // Of a window that goes over midnight the end may come after a window of the next day.
    if (found !== null) return Math.max(found - 1, day);
    from = Math.min((nextOpening(next + offset) ?? Infinity) - offset, end);
    if (tried % PATIENCE === 0 && from !== Infinity) from = ruleOut(windowsOnly, from, search);
    if (from === Infinity) return null;
  }
}

/** The first instant from which on the clocks of a zone show a local time, or a later one. */
function firstShowing(timezone: string, local: number): number {
  let segment = segmentAt(timezone, local - DAY_MS);
  while (local - segment.offset >= segment.end) segment = segmentAt(timezone, segment.end);
  return Math.max(local - segment.offset, segment.start);
}

/** The first occurrence strictly after `after` among those that come from one day to another, or stay there. */
function firstMoved(
  schedule: RestrictedSchedule,
  day: number,
  target: number,
  after: number,
  search: Search,
): number | null {
  const shift = (target - day) * DAY_MS;
  let best: number | null = null;
  for (const span of restrictionsOf(schedule).spans) {
    const local = { from: day * DAY_MS + span.from, to: day * DAY_MS + span.to };
    for (const source of stretchesShowing(schedule.timezone, local)) {
      const places = shift === 0 ? [{ ...local, offset: source.offset }] : placesOf(schedule.timezone, local, shift);
      for (const place of places) {
        // What the clocks show at the source plus whole days, read where it goes.
        const move = source.offset + shift - place.offset;
        const from = Math.max(source.from, place.from - source.offset, after + 1 - move);
        const found = firstWithin(schedule, { from, to: Math.min(source.to, place.to - source.offset) }, move, search);
        if (found !== null && (best === null || found < best)) best = found;
      }
    }
  }
  return best;
}

function firstWithin(schedule: RestrictedSchedule, { from, to }: Span, move: number, search: Search): number | null {
  let next = from < to ? search.next(schedule.of, from - 1) : null;
  while (next !== null && next < to && next + move < (schedule.end ?? Infinity)) {
    if (isWithin(schedule, next + move)) return next + move;
    // A gap has moved it out of its window, or into a day that is not free.
    if (!search.step(schedule)) return null;
    next = search.next(schedule.of, next);
  }
  return null;
}

type Stretch = Span & { offset: number };

/** When the clocks of a zone show local times of a span: once, in two parts if they are changed meanwhile, or not at all. */
function stretchesShowing(timezone: string, { from, to }: Span): Stretch[] {
  return segmentsAround(timezone, from, to)
    .map(({ start, end, offset }) => ({ from: Math.max(start, from - offset), to: Math.min(end, to - offset), offset }))
    .filter((stretch) => stretch.from < stretch.to);
}

/**
 * The offsets with which the local times of a span are read `shift` ms later: the first of two, and the one before the
 * gap for those that a gap swallows, which makes them later by its length.
 */
function placesOf(timezone: string, { from, to }: Span, shift: number): Stretch[] {
  return segmentsAround(timezone, from + shift, to + shift)
    .flatMap(({ start, end, offset, shownBefore }) => {
      const shown = start + offset;
      const inGap = { from: shownBefore, to: shown, offset: shownBefore - start };
      const own = { from: Math.max(shown, shownBefore), to: end + offset, offset };
      return shown > shownBefore ? [inGap, own] : [own];
    })
    .map((place) => ({ ...place, from: Math.max(from, place.from - shift), to: Math.min(to, place.to - shift) }))
    .filter((place) => place.from < place.to);
}

/** No offset is a day long. */
function segmentsAround(timezone: string, from: number, to: number): Segment[] {
  const segments = [segmentAt(timezone, from - DAY_MS)];
  for (let last = segments[0]; last !== undefined && last.end < to + DAY_MS; last = segments.at(-1)) {
    segments.push(segmentAt(timezone, last.end));
  }
  return segments;
}
