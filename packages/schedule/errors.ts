/** Every way in which a schedule can be refused. The sentence for people is given where the error is raised. */
export type ScheduleErrorCode =
  | "SCHEDULE_REQUIRED" // nothing was written
  | "SCHEDULE_TOO_LONG"
  | "SCHEDULE_NAME_UNKNOWN" // @something that is neither @every nor one of the named schedules
  | "CRON_FIELD_COUNT"
  | "CRON_FIELD_INVALID"
  | "CRON_NEVER_RUNS" // no date matches, such as 30 February
  | "DURATION_INVALID"
  | "INSTANT_INVALID"
  | "SCHEDULE_OVER" // its last run is in the past
  | "TIMEZONE_UNKNOWN";

/** A schedule or a time zone that cannot be accepted. `message` is written for the person who sent it. */
export class ScheduleError extends Error {
  readonly code: ScheduleErrorCode;
  readonly field: "schedule" | "timezone";

  constructor(code: ScheduleErrorCode, message: string, field: "schedule" | "timezone" = "schedule") {
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
