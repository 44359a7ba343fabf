import type { DstRule } from "@belfry/contract/dst.ts";
import type { CalendarSchedule } from "./calendar.ts";
import type { CronSchedule } from "./cron.ts";
import { isWildcard } from "./cron-times.ts";
import { FOLLOWS_ELAPSED_TIME, ONCE_FOR_EACH_LOCAL_TIME } from "./dst.ts";
import type { RruleSchedule } from "./rrule.ts";

/** A schedule of local times. */
export type LocalSchedule = CronSchedule | CalendarSchedule | RruleSchedule;

/** What a schedule does about gaps and folds: what it says, or what is usual for its kind. */
export function dstRuleOf(schedule: LocalSchedule): DstRule {
  return ("dst" in schedule ? schedule.dst : undefined) ?? usualDstRuleOf(schedule);
}

export function usualDstRuleOf(schedule: LocalSchedule): DstRule {
  switch (schedule.type) {
    case "cron":
      return isWildcard(schedule) ? FOLLOWS_ELAPSED_TIME : ONCE_FOR_EACH_LOCAL_TIME;
    case "calendar":
      return ONCE_FOR_EACH_LOCAL_TIME;
    case "rrule":
      // See rrule.ts for where this comes from.
      return { gap: "skip", fold: "first" };
  }
}
