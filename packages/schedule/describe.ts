import { describeCron } from "./cron.ts";
import { describeInterval } from "./interval.ts";
import { describeOnce } from "./once.ts";
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
  }
}
