import type { CombinedSchedule } from "./combined.ts";
import { clockTime, dateWords, lowerFirst } from "./describe-words.ts";
import { formatDuration } from "./duration.ts";
import type { RestrictedSchedule } from "./restricted.ts";
import type { Schedule } from "./schedule.ts";
import { isMade } from "./search.ts";
import { listed, weekdayList } from "./words.ts";

type Describe = (schedule: Schedule) => string;

const JOINS = {
  any: "; or ",
  all: "; only where this is so too: ",
  except: "; but not ",
};

/** `At 09:00, Monday to Friday, UTC; or at 12:00, on Saturday, UTC`. */
export function describeCombined({ type, of }: CombinedSchedule, describe: Describe): string {
  const [first, ...others] = of.map((inner) => (isMade(inner) ? `(${describe(inner)})` : describe(inner)));
  return first === undefined ? "Never" : [first, ...others.map(lowerFirst)].join(JOINS[type]);
}

/** `Every 15 minutes, from 1 January 2026, except on 25 December 2026, only 02:00-04:00, America/New_York`. */
export function describeRestricted(schedule: RestrictedSchedule, describe: Describe): string {
  const { of, timezone, start, end, excludeDates = [], weekdays, windows, calendars = [], move, spreadMs } = schedule;
  const inner = of.type === "any" || of.type === "all" || of.type === "except" ? `(${describe(of)})` : describe(of);
  const limits = [
    start === undefined ? "" : `from ${localTime(start, timezone)}`,
    end === undefined ? "" : `until ${localTime(end, timezone)}`,
    excludeDates.length === 0 ? "" : `except on ${dates(excludeDates)}`,
    weekdays === undefined ? "" : `only ${weekdayList(weekdays) || "on no day"}`,
    windows === undefined ? "" : `only ${listed(windows.map(windowText)) || "at no time"}`,
    ...calendars.map(({ name, mode }) => `${mode === "include" ? "only" : "not"} on the dates of calendar ${name}`),
  ].filter((limit) => limit !== "");
  // The zone is that of the schedule inside, which says it, unless it has none or another.
  const zone = limits.length === 0 || inner.includes(timezone) ? [] : [timezone];
  const moved = move === undefined ? [] : [`moved to the ${move} free day where that is excluded`];
  const spread = spreadMs === undefined || spreadMs === 0 ? [] : [`starting up to ${formatDuration(spreadMs)} later`];
  return [inner, ...limits, ...zone, ...moved, ...spread].join(", ");
}

const SHOWN_DATES = 3;

function dates(excluded: readonly string[]): string {
  if (excluded.length <= SHOWN_DATES) return listed(excluded.map(dateWords));
  return `${excluded.length} dates from ${dateWords(excluded[0] ?? "")} to ${dateWords(excluded.at(-1) ?? "")}`;
}

export const windowText = ({ from, to }: { from: number; to: number }): string => `${clockTime(from)}-${clockTime(to)}`;

/** A date where it is midnight there, otherwise with the time of day. */
function localTime(instant: number, timezone: string): string {
  const time = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(timezone);
  const date = time.toPlainDate().toString();
  return time.toPlainTime().equals(Temporal.PlainTime.from("00:00"))
    ? date
    : `${date} ${clockTime(time.hour * 3_600 + time.minute * 60 + time.second)}`;
}
