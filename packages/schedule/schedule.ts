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
 * Stored with each schedule. Raised when there is a form that the version before cannot read, or when the same stored schedule
 * would give other instants. A process plans no job of a newer version than its own, so none is planned by two rules while
 * versions are replaced one by one. Whoever changes an instant keeps the rules of before for what is stored under them: otherwise
 * an occurrence that was served under its old instant would come again under its new one.
 */
export const RULES_VERSION = 2;
/** What is stored under this version or a later one gives the instants that it gave then. Version 1 had cron, interval and once. */
export const SAME_INSTANTS_SINCE = 1;
