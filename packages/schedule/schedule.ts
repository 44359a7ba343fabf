import type { CalendarSchedule } from "./calendar.ts";
import type { CombinedSchedule } from "./combined.ts";
import type { CronSchedule } from "./cron.ts";
import type { InstantsSchedule } from "./instants.ts";
import type { IntervalSchedule } from "./interval.ts";
import type { OnceSchedule } from "./once.ts";
import type { RestrictedSchedule } from "./restricted.ts";
import type { RruleSchedule } from "./rrule.ts";

/** What `parseSchedule` makes of a client's text: plain JSON, as it is stored. Instants and durations are whole milliseconds. */
export type Schedule =
  | CronSchedule
  | IntervalSchedule
  | OnceSchedule
  | InstantsSchedule
  | CalendarSchedule
  | RruleSchedule
  | CombinedSchedule
  | RestrictedSchedule;

/**
 * Raised when the same stored schedule would give other instants than before: a changed rule, or a cron or time zone library that
 * reads something differently. Two versions that plan the same job would write one occurrence under two instants.
 */
export const RULES_VERSION = 1;
