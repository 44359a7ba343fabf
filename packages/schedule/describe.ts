import { describeCalendar } from "./calendar.ts";
import { describeCombined } from "./combined.ts";
import { describeCron } from "./cron.ts";
import { describeInstants } from "./instants.ts";
import { describeInterval } from "./interval.ts";
import { describeOnce } from "./once.ts";
import { describeRestricted } from "./restricted.ts";
import { describeRrule } from "./rrule.ts";
import type { Schedule } from "./schedule.ts";

/** One short English line for people, without a full stop. */
export function describe(schedule: Schedule): string {
  switch (schedule.type) {
    case "cron":
      return describeCron(schedule);
    case "interval":
      return describeInterval(schedule);
    case "once":
      return describeOnce(schedule);
    case "instants":
      return describeInstants(schedule);
    case "calendar":
      return describeCalendar(schedule);
    case "rrule":
      return describeRrule(schedule);
    case "any":
    case "all":
    case "except":
      return describeCombined(schedule);
    case "restricted":
      return describeRestricted(schedule);
  }
}
