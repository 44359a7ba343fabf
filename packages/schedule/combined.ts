import type { IntervalSchedule } from "./interval.ts";
import { occursAt } from "./occurs-at.ts";
import { commonInstants } from "./progression.ts";
import { ruleOut } from "./rule-out.ts";
import type { Schedule } from "./schedule.ts";
import { isMade, PATIENCE, type Search, stepsToAsk } from "./search.ts";

/**
 * `any`: at every instant of one of them, once. `all`: at instants that every one of them has, to the millisecond. `except`: at
 * those of the first that none of the others has.
 */
export type CombinedSchedule = { type: "any" | "all" | "except"; of: Schedule[] };

/**
 * The first occurrence strictly after `after`, or null when there is none up to the search's limit. Throws ScheduleError
 * SCHEDULE_TOO_RARE when that is not found out.
 *
 * Where intervals meet is computed from their least common multiple, however far away. For all else a hundred years are searched, in
 * two ways by turns: from occurrence to occurrence of the inner schedules, and by ruling out the time in which their times of
 * day cannot fit (see rule-out.ts). So nothing is lost for being rare: a gap's end at which half past two meets three,
 * or an interval of 25 hours that comes by noon. What ends a search early is its number of steps (see search.ts): after some
 * 13 years of two schedules that come once a day and miss each other by their dates, and some four years in which the others of an
 * `except` take away all of a first one that comes every second. Such a schedule is refused when it is made, and paused if that
 * becomes of it later.
 */
export function nextCombined(schedule: CombinedSchedule, after: number, search: Search): number | null {
  switch (schedule.type) {
    case "any":
      return nextOfAny(schedule, after, search);
    case "all":
      return nextOfAll(schedule, after, search);
    case "except":
      return nextExcept(schedule, after, search);
  }
}

/** How far those in an `any` that are made of others are searched first. */
const FIRST_SPAN_MS = 3_600_000;

function nextOfAny({ of }: CombinedSchedule, after: number, search: Search): number | null {
  const made = of.filter(isMade);
  let first = Infinity;
  const ask = (schedule: Schedule, limit: number): void => {
    first = Math.min(first, search.upTo(limit).next(schedule, after) ?? Infinity);
  };
  for (const schedule of of) if (!isMade(schedule)) ask(schedule, search.limit);
  // Those that may be hard to search are searched no further than to what another one has: by turns, further and further.
  for (let span = FIRST_SPAN_MS; made.length > 0; span *= 8) {
    for (const schedule of made) ask(schedule, Math.min(after + span, first - 1, search.limit));
    if (after + span >= Math.min(first - 1, search.limit)) break;
  }
  // Beyond the limit only the single ones were asked, and another one may come before them.
  return first === Infinity || (made.length > 0 && first > search.limit && !search.isWhole) ? null : first;
}

/** Leap-frog: whoever is behind leaps to where the foremost is, or beyond, until all are at one instant. */
function nextOfAll(schedule: CombinedSchedule, after: number, search: Search): number | null {
  const intervals = schedule.of.filter((inner): inner is IntervalSchedule => inner.type === "interval");
  const others = schedule.of.filter((inner) => inner.type !== "interval");
  const common = intervals.length === 0 ? null : commonInstants(intervals);
  if (intervals.length > 0 && common === null) return null;
  const members = common === null ? others : [common, ...others];

  let foremost = after + 1;
  let agreed = 0;
  for (let turn = 0; members.length > 0; turn++) {
    const member = members[turn % members.length] as Schedule;
    const next = search.next(member, foremost - 1);
    if (next === null) return null;
    search.step(schedule, stepsToAsk(member));
    agreed = next === foremost ? agreed + 1 : 1;
    foremost = next;
    if (agreed === members.length) return foremost;
    if (foremost > search.limit) return null;
    if (turn % PATIENCE === PATIENCE - 1) {
      const possible = ruleOut(schedule, foremost, search);
      if (possible > foremost) agreed = 0;
      if (possible === Infinity) return null;
      foremost = possible;
    }
  }
  return null;
}

function nextExcept(schedule: CombinedSchedule, after: number, search: Search): number | null {
  const [first, ...others] = schedule.of;
  if (first === undefined) return null;
  let from = after;
  for (let tried = 1; ; tried++) {
    const next = search.next(first, from);
    if (next === null || !others.some((other) => occursAt(other, next, search))) return next;
    if (next > search.limit) return null;
    search.step(schedule, stepsToAsk(first));
    from = tried % PATIENCE === 0 ? ruleOut(schedule, next + 1, search) - 1 : next;
    if (from === Infinity) return null;
  }
}
