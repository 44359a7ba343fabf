import { nextMoved } from "./moved.ts";
import { restrictionsOf } from "./restrictions.ts";
import { ruleOut } from "./rule-out.ts";
import type { Schedule } from "./schedule.ts";
import { PATIENCE, type Search, stepsToAsk } from "./search.ts";
import { segmentAt } from "./zone.ts";

/**
 * A schedule with bounds and exceptions. Dates, weekdays and windows are those of the local time in `timezone`, and each must
 * leave an occurrence free. What lies after midnight in a window that goes over it belongs to the day on which the window began:
 * on Fridays `22:00-04:00` goes on until Saturday 04:00, and a date that is excluded is a night in which the window does not begin,
 * while the one of the evening before runs to its end.
 */
export type RestrictedSchedule = {
  type: "restricted";
  of: Schedule;
  timezone: string;
  /** No occurrence before this instant … */
  start?: number;
  /** … and none at or after this one. */
  end?: number;
  /** Civil dates (`2026-12-25`) without an occurrence, ascending. */
  excludeDates?: string[];
  /** Only on these weekdays, 0 (Sunday) to 6. */
  weekdays?: number[];
  /** Only in one of these spans of the day, in seconds since midnight; `from` is in it, `to` is not, and one that ends before it begins goes over midnight. */
  windows?: { from: number; to: number }[];
  /** Shared calendars as they were when this was resolved: with `include` only their dates count, with `exclude` all others. */
  calendars?: { name: string; mode: "include" | "exclude"; dates: string[] }[];
  /**
   * What becomes of an occurrence on a day that dates, weekdays or calendars exclude: dropped unless set, or moved to the same local
   * time of the nearest day after or before it that is free, dropped if there is none within 31 days. One that meets another is one
   * with it. A local time that the day does not have, or has twice, comes when the schedule's own rule has it; see `moveRuleOf`. Bounds and windows hold for what was moved; outside of the windows nothing is moved.
   */
  move?: "next" | "previous";
  /** Each execution may start up to so many milliseconds after its occurrence, at a moment that follows from both; see spread.ts. Only outermost. */
  spreadMs?: number;
};

/** The first occurrence strictly after `after`, or null when there is none up to the search's limit; see search.ts for what it throws. */
export function nextRestricted(schedule: RestrictedSchedule, after: number, whole: Search): number | null {
  const search = whole.upTo(Math.min(whole.limit, (schedule.end ?? Infinity) - 1));
  const from = Math.max(after, (schedule.start ?? -Infinity) - 1);
  if (schedule.move !== undefined) return nextMoved(schedule, from, search);

  const { dayOf, allows, nextOpening } = restrictionsOf(schedule);
  let next = search.next(schedule.of, from);
  for (let tried = 1; next !== null && next < (schedule.end ?? Infinity); tried++) {
    const { offset, end } = segmentAt(schedule.timezone, next);
    const day = dayOf(next + offset);
    if (day !== null && allows(day)) return next;
    if (next > search.limit) return null;
    search.step(schedule, stepsToAsk(schedule.of));
    const opening = nextOpening(next + offset);
    if (opening === null) return null;
    // Up to the next change of its offset a zone's clocks run evenly: from here the opening is as far as on them.
    let jump = Math.min(opening - offset, end);
    if (tried % PATIENCE === 0) jump = ruleOut(schedule, jump, search);
    next = jump === Infinity ? null : search.next(schedule.of, jump - 1);
  }
  return null;
}
