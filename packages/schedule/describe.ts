import { describeCalendar } from "./calendar.ts";
import { describeCron } from "./cron.ts";
import { describeDst } from "./describe-dst.ts";
import { describeCombined, describeRestricted } from "./describe-made.ts";
import { describeInstants, describeInterval, describeOnce, describeRrule } from "./describe-plain.ts";
import type { Schedule } from "./schedule.ts";

/** One English line for people, without a full stop: `At 09:00, Monday to Friday, America/New_York`. Never throws for a stored schedule. */
export function describe(schedule: Schedule): string {
  switch (schedule.type) {
    case "cron":
      return describeCron(schedule) + describeDst(schedule);
    case "calendar":
      return describeCalendar(schedule) + describeDst(schedule);
    case "interval":
      return describeInterval(schedule);
    case "once":
      return describeOnce(schedule);
    case "instants":
      return describeInstants(schedule);
    case "rrule":
      return describeRrule(schedule);
    case "any":
    case "all":
    case "except":
      return describeCombined(schedule, describe);
    case "restricted":
      return describeRestricted(schedule, describe);
  }
}
