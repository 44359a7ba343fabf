import { nextCalendar } from "./calendar.ts";
import { nextCombined } from "./combined.ts";
import { nextCron } from "./cron.ts";
import { nextInstant } from "./instants.ts";
import { nextInterval } from "./interval.ts";
import { nextOnce } from "./once.ts";
import { nextRestricted } from "./restricted.ts";
import { nextRrule } from "./rrule.ts";
import type { Schedule } from "./schedule.ts";

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
    case "any":
    case "all":
    case "except":
      return nextCombined(schedule, after);
    case "restricted":
      return nextRestricted(schedule, after);
  }
}
