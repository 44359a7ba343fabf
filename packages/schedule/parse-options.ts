import type { DstRule } from "@belfry/contract/dst.ts";
import { quote, ScheduleError, type ScheduleErrorCode } from "./errors.ts";

export type ParseOptions = {
  /** The job's IANA zone. */
  timezone: string;
  /** The instant that intervals, and counts of days, weeks, months and years, begin with unless the schedule says another. */
  anchor: number;
  /** What `H` in a cron expression is derived from: the job's id. */
  seed?: string;
  /** For the forms that have local times: cron, calendar. Recurrence rules have a rule of their own (RFC 5545, 3.3.10). */
  dst?: DstRule;
  /** The account's calendars by name, with civil dates. */
  calendars?: (name: string) => { dates: readonly string[] } | undefined;
};

/** Where in the client's schedule something stands: the field, and the whole text if it is but a part of one. */
export type Where = { field: string; text?: string };

/** Options whose zone is known, the field that is being read (`schedule`, or `schedule.of[1]`), and what it holds, for messages. */
export type Parsing = ParseOptions & { field: string; text: string };

/** `schedule.days[1] "mooday" must be a weekday`, or `schedule "weekly:mooday:03:00": "mooday" must be a weekday`. */
export function refused(where: Where, code: ScheduleErrorCode, value: string | number, why: string): ScheduleError {
  const subject = where.text === undefined ? where.field : `${where.field} ${quote(where.text)}:`;
  return new ScheduleError(code, `${subject} ${quote(String(value))} ${why}`, where.field);
}

/** A message about a field as a whole: `schedule.time is required`. */
export function misformed(field: string, why: string): ScheduleError {
  return new ScheduleError("SCHEDULE_FORM_INVALID", `${field} ${why}`, field);
}
