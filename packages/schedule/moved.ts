import type { DstRule } from "@belfry/contract/dst.ts";
import { DAY_MS } from "./civil.ts";
import { dstRuleOf, type LocalSchedule } from "./dst-rule-of.ts";
import { isWithin } from "./is-within.ts";
import type { RestrictedSchedule } from "./restricted.ts";
import { restrictionsOf, type Span } from "./restrictions.ts";
import { ruleOut } from "./rule-out.ts";
import type { Schedule } from "./schedule.ts";
import { PATIENCE, type Search, stepsToAsk } from "./search.ts";
import { type Segment, segmentAt } from "./zone.ts";

/** An occurrence that would have to be moved by more days than these is dropped. */
export const MAX_MOVE_DAYS = 31;

/** The first occurrence strictly after an instant of a schedule that moves what lies on days that are excluded. */
export function nextMoved(schedule: RestrictedSchedule, after: number, whole: Search): number | null {
  // What lies up to the limit may come from some days after it.
  const search = whole.upTo(whole.limit + (MAX_MOVE_DAYS + 4) * DAY_MS);
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
  // Beyond the limit another one that was not looked for may come before it.
  return best !== null && best > whole.limit && !whole.isWhole ? null : best;
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
    if (next === null || next > search.limit) return null;
    search.step(schedule, stepsToAsk(schedule.of));
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
  const inner = shift === 0 ? null : byTheClock(schedule);
  let best: number | null = null;
  for (const span of restrictionsOf(schedule).spans) {
    const local = { from: day * DAY_MS + span.from, to: day * DAY_MS + span.to };
    const sources = inner === null ? stretchesShowing(schedule.timezone, local) : [{ ...local, offset: 0 }];
    for (const source of sources) {
      const rule = moveRuleOf(schedule);
      const places =
        shift === 0 ? [{ ...local, offset: source.offset }] : placesOf(schedule.timezone, local, shift, rule);
      for (const place of places) {
        const found = firstAt(schedule, inner, { source, place, day, shift, after }, search);
        if (found !== null && (best === null || found < best)) best = found;
      }
    }
  }
  return best;
}

type Journey = { source: Stretch; place: Place; day: number; shift: number; after: number };

function firstAt(
  schedule: RestrictedSchedule,
  inner: LocalSchedule | null,
  { source, place, day, shift, after }: Journey,
  search: Search,
): number | null {
  const { at } = place;
  if (at !== undefined && (at <= after || !isWithin(schedule, at))) return null;
  // What the clocks show at the source plus whole days, read where it goes.
  const move = source.offset + shift - place.offset;
  const from = Math.max(source.from, place.from - source.offset, at === undefined ? after + 1 - move : -Infinity);
  const to = Math.min(source.to, place.to - source.offset);
  if (from >= to) return null;
  const sources = search.upTo(to - 1);
  let next = sources.next(inner ?? schedule.of, from - 1);
  while (next !== null && next < to && (at ?? next + move) < (schedule.end ?? Infinity)) {
    const comes = inner === null || comesOn(schedule, next, day);
    // A gap may have moved it out of its window, or into a day that is not free.
    if (comes && isWithin(schedule, at ?? next + move)) return at ?? next + move;
    search.step(schedule);
    next = sources.next(inner ?? schedule.of, next);
  }
  return null;
}

/**
 * What decides when a moved local time comes on a day that does not have it, or has it twice: the rule of the schedule that it comes
 * from, so that it is one with what that has there itself. Elsewhere it comes later by the length of the gap, or first.
 */
export function moveRuleOf({ of }: RestrictedSchedule): DstRule {
  if (of.type === "restricted") return moveRuleOf(of);
  return of.type === "cron" || of.type === "calendar" ? dstRuleOf(of) : { gap: "shift", fold: "first" };
}

const inUtc = new WeakMap<Schedule, LocalSchedule>();

/** A schedule of the local times of its zone as if there were no gaps and folds, in which a local time is what it was meant to be; null for others. */
function byTheClock({ of, timezone }: RestrictedSchedule): LocalSchedule | null {
  if ((of.type !== "cron" && of.type !== "calendar") || of.timezone !== timezone) return null;
  const known = inUtc.get(of) ?? { ...of, timezone: "UTC" };
  inUtc.set(of, known);
  return known;
}

/** Whether a local time comes at all on the day itself, and in a window of that. */
function comesOn(schedule: RestrictedSchedule, local: number, day: number): boolean {
  const [instant] = instantsOf(schedule.timezone, local, moveRuleOf(schedule));
  if (instant === undefined) return false;
  return restrictionsOf(schedule).dayOf(instant + segmentAt(schedule.timezone, instant).offset) === day;
}

/** When a local time comes under a rule: none, one or two instants. */
export function instantsOf(timezone: string, local: number, rule: DstRule): number[] {
  return placesOf(timezone, { from: local, to: local + 1 }, 0, rule).map(({ at, offset }) => at ?? local - offset);
}

type Stretch = Span & { offset: number };

/** Where local times of a span go: they are read with an offset, or are all at one instant. */
type Place = Stretch & { at?: number };

/** When the clocks of a zone show local times of a span: once, in two parts if they are changed meanwhile, or not at all. */
function stretchesShowing(timezone: string, { from, to }: Span): Stretch[] {
  return segmentsAround(timezone, from, to)
    .map(({ start, end, offset }) => ({ from: Math.max(start, from - offset), to: Math.min(end, to - offset), offset }))
    .filter((stretch) => stretch.from < stretch.to);
}

/** How the local times of a span are read `shift` ms later; the same as next-local.ts for a schedule that has them of its own. */
function placesOf(timezone: string, { from, to }: Span, shift: number, { gap, fold }: DstRule): Place[] {
  return segmentsAround(timezone, from + shift, to + shift)
    .flatMap(({ start, end, offset, shownBefore, shownAgainFrom }): Place[] => {
      const shown = start + offset;
      const own = {
        from: fold === "first" ? Math.max(shown, shownBefore) : shown,
        to: fold === "last" ? Math.min(end + offset, shownAgainFrom) : end + offset,
        offset,
      };
      if (shown <= shownBefore || gap === "skip") return [own];
      const inGap = { from: shownBefore, to: shown, offset: shownBefore - start };
      return [gap === "next" ? { ...inGap, at: start } : inGap, own];
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
