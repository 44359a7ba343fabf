import { nextCalendar } from "./calendar.ts";
import { type CombinedSchedule, nextCombined } from "./combined.ts";
import { nextCron } from "./cron.ts";
import { nextInstant } from "./instants.ts";
import { nextInterval } from "./interval.ts";
import { nextOnce } from "./once.ts";
import { nextRestricted, type RestrictedSchedule } from "./restricted.ts";
import { nextRrule } from "./rrule.ts";
import type { Schedule } from "./schedule.ts";
import { isMade, type Search, startSearch } from "./search.ts";

/** The first occurrence strictly after an instant, or null when there is none. */
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

/** Whether the search for a schedule's first occurrence after an instant takes long over a part of it, in vain, whatever comes of the rest. */
export function isTooRare(schedule: Schedule, after: number): boolean {
  if (!isMade(schedule)) return false;
  const search = startSearch(after, nextWithin);
  nextOfMade(schedule, after, search);
  return search.wasInVain();
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
