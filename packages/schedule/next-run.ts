import { nextCalendar } from "./calendar.ts";
import { type CombinedSchedule, nextCombined } from "./combined.ts";
import { nextCron } from "./cron.ts";
import { nextInstant } from "./instants.ts";
import { nextInterval } from "./interval.ts";
import { nextOnce } from "./once.ts";
import { nextRestricted, type RestrictedSchedule } from "./restricted.ts";
import { nextRrule } from "./rrule.ts";
import type { Schedule } from "./schedule.ts";
import { isMade, isTooRare, type Search, startSearch } from "./search.ts";

/**
 * The first occurrence strictly after an instant, or null when there is none. Throws ScheduleError SCHEDULE_TOO_RARE for a schedule
 * made of others of which that is not found out within the steps of one search: a stored one may come to that as time goes by.
 */
export function nextRun(schedule: Schedule, after: number): number | null {
  switch (schedule.type) {
    case "cron":
      return nextCron(schedule, after);
    case "interval":
      return nextInterval(schedule, after);
    case "once":
      return nextOnce(schedule, after);
    case "instants":
      return nextInstant(schedule, after);
    case "calendar":
      return nextCalendar(schedule, after);
    case "rrule":
      return nextRrule(schedule, after);
    default:
      return nextOfMade(schedule, after, startSearch(after, nextWithin));
  }
}

/** The same for who only shows it, or asks again: null also where it is not found out whether there is one. */
export function nextFound(schedule: Schedule, after: number): number | null {
  try {
    return nextRun(schedule, after);
  } catch (error) {
    if (!isTooRare(error)) throw error;
    return null;
  }
}

/** A search of its own, for `occursAt`. */
export function searchAfter(after: number): Search {
  return startSearch(after, nextWithin);
}

/** The same for a schedule that is made of others, as part of a search. */
function nextOfMade(schedule: CombinedSchedule | RestrictedSchedule, after: number, search: Search): number | null {
  return schedule.type === "restricted"
    ? nextRestricted(schedule, after, search)
    : nextCombined(schedule, after, search);
}

function nextWithin(schedule: Schedule, after: number, search: Search): number | null {
  return isMade(schedule) ? nextOfMade(schedule, after, search) : nextRun(schedule, after);
}
