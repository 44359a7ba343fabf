import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";
import { parseDate, parseWeekdayOrMore } from "./day-names.ts";
import { parseDuration } from "./duration.ts";
import { quote, ScheduleError } from "./errors.ts";
import { parseOnce } from "./once.ts";
import { misformed, type Parsing } from "./parse-options.ts";
import type { RestrictedSchedule } from "./restricted.ts";
import type { Schedule } from "./schedule.ts";
import { parseWindow } from "./time-of-day.ts";

type Form = Pick<
  Exclude<ScheduleInput, string>,
  "start" | "end" | "exclude_dates" | "weekdays" | "windows" | "calendars" | "move" | "jitter"
>;

/** The schedule within the bounds and exceptions that its form carries; the schedule itself if there are none. Throws ScheduleError. */
export function restrict(of: Schedule, form: Form, parsing: Parsing): Schedule {
  const { field, timezone } = parsing;
  const start = form.start === undefined ? undefined : parseOnce(form.start, { field: `${field}.start` }).at;
  const end = form.end === undefined ? undefined : parseOnce(form.end, { field: `${field}.end` }).at;
  if (end !== undefined && end <= (start ?? -Infinity)) throw misformed(`${field}.end`, "must be after start");
  const excludeDates = form.exclude_dates?.map((date, index) =>
    parseDate(date, { field: `${field}.exclude_dates[${index}]` }),
  );
  const weekdays = form.weekdays?.flatMap((day, index) =>
    parseWeekdayOrMore(day, { field: `${field}.weekdays[${index}]` }),
  );
  const calendars = calendarsOf(form, parsing);
  if (form.move !== undefined && !excludeDates?.length && calendars.length === 0 && weekdays === undefined) {
    throw misformed(
      `${field}.move`,
      "says where occurrences on excluded dates go, so it needs exclude_dates, weekdays or calendars",
    );
  }
  const restrictions = {
    ...(start !== undefined && { start }),
    ...(end !== undefined && { end }),
    ...(excludeDates?.length && { excludeDates: [...new Set(excludeDates)].sort() }),
    ...(weekdays && { weekdays: [...new Set(weekdays)].sort() }),
    ...(form.windows !== undefined && { windows: windowsOf(form.windows, field) }),
    ...(calendars.length > 0 && { calendars }),
    ...(form.move && { move: form.move }),
    ...(form.jitter !== undefined && { spreadMs: spreadOf(form.jitter, field) }),
  } satisfies Partial<RestrictedSchedule>;
  return Object.keys(restrictions).length === 0 ? of : { type: "restricted", of, timezone, ...restrictions };
}

function windowsOf(windows: string | readonly string[], field: string): { from: number; to: number }[] {
  return typeof windows === "string"
    ? [parseWindow(windows, { field: `${field}.windows` })]
    : windows.map((window, index) => parseWindow(window, { field: `${field}.windows[${index}]` }));
}

/** Their dates are kept as they are now: a calendar that changes must not change what a stored schedule means. */
function calendarsOf(
  { calendars: names }: Form,
  { calendars, field }: Parsing,
): NonNullable<RestrictedSchedule["calendars"]> {
  return (["exclude", "include"] as const).flatMap((mode) =>
    [...new Set(names?.[mode])].map((name) => {
      const dates = calendars?.(name)?.dates;
      if (dates !== undefined) return { name, mode, dates: [...new Set(dates)].sort() };
      const at = `${field}.calendars.${mode}`;
      throw new ScheduleError("CALENDAR_UNKNOWN", `${at} names the calendar ${quote(name)}, which does not exist`, at);
    }),
  );
}

function spreadOf(jitter: string, field: string): number {
  if (field !== "schedule") throw misformed(`${field}.jitter`, "can only stand on the outermost schedule");
  return within(`${field}.jitter`, () => parseDuration(jitter));
}

/** Parsers of mere text do not know the field that it comes from. */
export function within<Result>(field: string, parse: () => Result): Result {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof ScheduleError) || error.field !== "schedule" || field === "schedule") throw error;
    throw new ScheduleError(error.code, `${field}: ${error.message}`, field);
  }
}
