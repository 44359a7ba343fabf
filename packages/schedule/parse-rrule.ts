import { quote, ScheduleError } from "./errors.ts";
import type { Parsing } from "./parse-options.ts";
import { nextRrule, type RruleSchedule } from "./rrule.ts";
import { isNever, readParts, sizeOfPeriod } from "./rrule-parts.ts";
import { resolveTimeZone } from "./zone.ts";

/** A period of more instants than this takes many milliseconds to unfold. */
const LARGEST_PERIOD = 2_000;

/** `DTSTART;TZID=Europe/Dublin:20260101T090000`: a name, parameters, a value. */
const LINE = /^([A-Z-]+)((?:;[A-Z-]+=[^;:]*)*):(.*)$/i;
const DATE_TIME = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z?))?$/;

type Line = { name: string; timezone: string | undefined; value: string };
type Refuse = (why: string) => ScheduleError;

export function looksLikeRrule(text: string): boolean {
  return /^(?:RRULE:|FREQ=|DTSTART[;:])/i.test(text);
}

/**
 * `RRULE:FREQ=DAILY` or `FREQ=DAILY`, with lines DTSTART, RDATE and EXDATE if wanted. It counts from `start` (ISO 8601, local if without an
 * offset), or from DTSTART, or from the anchor; a zone in DTSTART wins over that of the job. Throws ScheduleError, also when no
 * occurrence is found.
 */
export function parseRrule(text: string, parsing: Parsing, start?: string): RruleSchedule {
  const refuse: Refuse = (why) =>
    new ScheduleError("RRULE_INVALID", `${parsing.field} ${quote(text)}: ${why}`, parsing.field);
  const lines = readLines(text, refuse);
  const [recurrence, ...others] = lines.filter(({ name }) => name === "RRULE");
  if (recurrence === undefined || others.length > 0) throw refuse("must have one RRULE");
  const begin = lines.find(({ name }) => name === "DTSTART");
  if (begin !== undefined && start !== undefined) throw refuse("must have either DTSTART or start");

  const timezone = begin === undefined ? parsing.timezone : zoneOf(begin, parsing);
  const parts = readParts(recurrence.value.toUpperCase());
  if (typeof parts === "string") throw refuse(parts);
  if (sizeOfPeriod(parts) > LARGEST_PERIOD) {
    throw refuse(`has more than ${LARGEST_PERIOD} occurrences in one period of its FREQ; use a FREQ that is shorter`);
  }
  const until = parts.get("UNTIL");
  if (until !== undefined) parts.set("UNTIL", utc(until, "23:59:59", timezone, refuse));

  const schedule: RruleSchedule = {
    type: "rrule",
    rule: [
      `RRULE:${[...parts].map(([name, value]) => `${name}=${value}`).join(";")}`,
      ...instantLines(lines, timezone, parsing, refuse),
    ].join("\n"),
    start: startOf(begin, start, timezone, parsing, refuse),
    timezone,
  };
  const from = Temporal.PlainDateTime.from(schedule.start).toZonedDateTime(timezone).epochMilliseconds;
  if (isNever(parts) || firstRun(schedule, from - 1, refuse) === null) {
    throw new ScheduleError("RRULE_NEVER_RUNS", `unable to find next run for schedule ${quote(text)}`, parsing.field);
  }
  return schedule;
}

/** The library refuses some rules that the RFC has, by throwing. */
function firstRun(schedule: RruleSchedule, after: number, refuse: Refuse): number | null {
  try {
    return nextRrule(schedule, after);
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : "is not understood");
  }
}

function readLines(text: string, refuse: Refuse): Line[] {
  // Long lines are folded, and some clients write \n for the end of a line.
  const unfolded = text.trim().replace(/\r?\n[ \t]/g, "");
  return unfolded.split(/\s*(?:\r?\n|\\n)\s*|\s+(?=RRULE:)/).map((line) => {
    if (/^FREQ=/i.test(line)) return { name: "RRULE", timezone: undefined, value: line };
    const [, name = "", parameters = "", value = ""] = LINE.exec(line) ?? [];
    const known = name.toUpperCase();
    if (!["DTSTART", "RRULE", "RDATE", "EXDATE"].includes(known)) {
      throw refuse("must consist of RRULE:…, and DTSTART, RDATE and EXDATE if wanted");
    }
    const wrong = parameters.split(";").find((one) => !/^(?:$|TZID=|VALUE=DATE(?:-TIME)?$)/i.test(one));
    if (wrong !== undefined) throw refuse(`${quote(wrong)} is not supported`);
    return { name: known, timezone: /;TZID=([^;]*)/i.exec(parameters)?.[1], value };
  });
}

function zoneOf({ timezone, value }: Line, parsing: Parsing): string {
  if (timezone !== undefined) return resolveTimeZone(timezone);
  return value.toUpperCase().endsWith("Z") ? "UTC" : parsing.timezone;
}

/** The local date and time to count from, without parts of a second; one that a gap swallows is as much later as the gap is long. */
function startOf(
  begin: Line | undefined,
  start: string | undefined,
  timezone: string,
  { anchor }: Parsing,
  refuse: Refuse,
): string {
  if (begin !== undefined) {
    return local(Temporal.Instant.from(iso(utc(begin.value, "00:00:00", timezone, refuse))), timezone);
  }
  if (start === undefined) return local(Temporal.Instant.fromEpochMilliseconds(anchor), timezone);
  try {
    if (/(?:Z|[+-]\d{2}(?::?\d{2})?)$/i.test(start) && start.includes(":"))
      return local(Temporal.Instant.from(start), timezone);
    return local(Temporal.PlainDateTime.from(start).toZonedDateTime(timezone).toInstant(), timezone);
  } catch {
    throw refuse(`start ${quote(start)} must be a date, a date and time, or an ISO 8601 instant`);
  }
}

function local(instant: Temporal.Instant, timezone: string): string {
  return instant.toZonedDateTimeISO(timezone).toPlainDateTime().toString({ smallestUnit: "second" });
}

/** RDATE and EXDATE in UTC, as this is what occurrences are compared with. */
function instantLines(lines: readonly Line[], timezone: string, parsing: Parsing, refuse: Refuse): string[] {
  return ["RDATE", "EXDATE"].flatMap((name) => {
    const values = lines
      .filter((line) => line.name === name)
      .flatMap((line) =>
        line.value.split(",").map((value) => {
          if (!value.includes("T")) throw refuse(`${name} must have a date and time; whole days go into exclude_dates`);
          const zone = line.timezone === undefined ? timezone : zoneOf(line, parsing);
          return utc(value, "", zone, refuse);
        }),
      );
    return values.length === 0 ? [] : [`${name}:${[...new Set(values)].sort().join(",")}`];
  });
}

/** `20260101T090000Z` of a date and time, local unless it ends in Z; `time` is that of a date without one. */
function utc(text: string, time: string, timezone: string, refuse: Refuse): string {
  const [, year, month, day, hour, minute, second, zulu] = DATE_TIME.exec(text.toUpperCase()) ?? [];
  if (year !== undefined) {
    const written = `${year}-${month}-${day}T${hour === undefined ? time : `${hour}:${minute}:${second}`}`;
    try {
      return Temporal.PlainDateTime.from(written)
        .toZonedDateTime(zulu ? "UTC" : timezone)
        .toInstant()
        .toString({ smallestUnit: "second" })
        .replace(/[-:]/g, "");
    } catch {
      // told below: 30 February
    }
  }
  throw refuse(`${quote(text)} must be a date and time of the calendar, such as 20261231T235959Z`);
}

function iso(basic: string): string {
  return basic.replace(/^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})/, "$1-$2-$3T$4:$5:");
}
