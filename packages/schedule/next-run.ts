import { nextCron } from "./cron.ts";
import { nextInterval } from "./interval.ts";
import { nextOnce } from "./once.ts";
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
  }
}
