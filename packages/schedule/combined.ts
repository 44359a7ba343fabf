import type { IntervalSchedule } from "./interval.ts";
import { occursAt } from "./occurs-at.ts";
import { commonInstants } from "./progression.ts";
import { ruleOut } from "./rule-out.ts";
import type { Schedule } from "./schedule.ts";
import { PATIENCE, type Search, stepsToAsk } from "./search.ts";

/**
 * `any`: at every instant of one of them, once. `all`: at instants that every one of them has, to the millisecond. `except`: at
 * those of the first that none of the others has.
 */
export type CombinedSchedule = { type: "any" | "all" | "except"; of: Schedule[] };

/**
 * The first occurrence strictly after `after`, or null when there is none, or none that is found.
 *
 * Where intervals meet is computed from their least common multiple, however far away. For all else a hundred years are searched, in
 * two ways by turns: from occurrence to occurrence of the inner schedules, and by ruling out the time in which their times of
 * day cannot fit (see rule-out.ts). So nothing is lost for being rare: a gap's end at which half past two meets three,
 * or an interval of 25 hours that comes by noon. What ends a search early is its number of steps (see search.ts): after some
 * 13 years of two schedules that come once a day and miss each other by their dates, and some four years in which the others of an
 * `except` take away all of a first one that comes every second. Null is then what `nextRun` says too, so that
 * such a schedule is refused when it is made.
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

function nextOfAny({ of }: CombinedSchedule, after: number, search: Search): number | null {
  let first: number | null = null;
  for (const schedule of of) {
    const next = search.next(schedule, after);
    if (next !== null && (first === null || next < first)) first = next;
  }
  return first;
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
    if (next === null || !search.step(schedule, stepsToAsk(member))) return null;
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
    if (next > search.limit || !search.step(schedule, stepsToAsk(first))) return null;
    from = tried % PATIENCE === 0 ? ruleOut(schedule, next + 1, search) - 1 : next;
    if (from === Infinity) return null;
  }
}
