/** Every way in which a schedule can be refused. The sentence for people is given where the error is raised. */
export type ScheduleErrorCode =
  | "SCHEDULE_REQUIRED" // nothing was written
  | "SCHEDULE_TOO_LONG"
  | "SCHEDULE_TOO_LARGE" // nested too deep, or of too many parts
  | "SCHEDULE_FORM_INVALID" // an object with a field that is unknown, missing or contradicts another
  | "SCHEDULE_WORDS_UNKNOWN" // words that are none of those understood
  | "SCHEDULE_NAME_UNKNOWN" // @something that is neither @every nor one of the named schedules
  | "CRON_FIELD_COUNT"
  | "CRON_FIELD_INVALID"
  | "CRON_NEVER_RUNS" // no date matches, such as 30 February
  | "CALENDAR_INVALID" // a time, day or interval out of range, or a day that never comes
  | "DURATION_INVALID"
  | "TIME_INVALID" // a time of day, or a window of such
  | "DAY_INVALID" // a weekday, a day of a month, a month or a date
  | "RRULE_INVALID"
  | "RRULE_NEVER_RUNS"
  | "CALENDAR_UNKNOWN" // the account has no calendar of this name
  | "INSTANT_INVALID"
  | "SCHEDULE_OVER" // its last run is in the past
  | "SCHEDULE_NEVER_RUNS" // its parts, windows and days leave nothing
  | "SCHEDULE_TOO_RARE" // whether it has a next run is not found out in bounded time
  | "TIMEZONE_UNKNOWN";

/** A schedule or a time zone that cannot be accepted. `message` is written for the person who sent it. */
export class ScheduleError extends Error {
  readonly code: ScheduleErrorCode;
  /** `schedule`, `timezone`, or the part of the schedule that is wrong: `schedule.days[1]`. */
  readonly field: string;

  constructor(code: ScheduleErrorCode, message: string, field = "schedule") {
    super(message);
    this.name = "ScheduleError";
    this.code = code;
    this.field = field;
  }
}

const QUOTED_LENGTH = 120;

/** What was sent, in quotes, short enough to be read in a message. */
export function quote(text: string): string {
  return `"${text.length > QUOTED_LENGTH ? `${text.slice(0, QUOTED_LENGTH)}…` : text}"`.toWellFormed();
}
