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
  return /^(?:RRULE:|FREQ=|(?:DTSTART|RDATE|EXDATE)[;:])/i.test(text);
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
    const timezone = /;TZID=([^;]*)/i.exec(parameters)?.[1]?.replace(/^"(.*)"$/, "$1");
    return { name: known, timezone, value };
  });
}

function zoneOf({ timezone, value }: Line, parsing: Parsing): string {
  if (timezone !== undefined) return resolveTimeZone(timezone);
  return value.toUpperCase().endsWith("Z") ? "UTC" : parsing.timezone;
}

/** The local date and time to count from, without parts of a second, as it was written: it may be one that a gap swallows. */
function startOf(
  begin: Line | undefined,
  start: string | undefined,
  timezone: string,
  { anchor }: Parsing,
  refuse: Refuse,
): string {
  if (begin !== undefined) {
    const written = civil(begin.value, "00:00:00", refuse);
    // A zone that is given besides is the one in which an instant is meant.
    return begin.value.toUpperCase().endsWith("Z")
      ? local(written.toZonedDateTime("UTC").toInstant(), timezone)
      : toTheSecond(written);
  }
  // What is counted begins after the anchor, or a COUNT would lose its first.
  if (start === undefined) return local(nextWholeSecond(anchor), timezone);
  try {
    if (/(?:Z|[+-]\d{2}(?::?\d{2})?)$/i.test(start) && start.includes(":"))
      return local(Temporal.Instant.from(start), timezone);
    return toTheSecond(Temporal.PlainDateTime.from(start));
  } catch {
    throw refuse(`start ${quote(start)} must be a date, a date and time, or an ISO 8601 instant`);
  }
}

function local(instant: Temporal.Instant, timezone: string): string {
  return toTheSecond(instant.toZonedDateTimeISO(timezone).toPlainDateTime());
}

const toTheSecond = (time: Temporal.PlainDateTime): string => time.toString({ smallestUnit: "second" });

/** The instant in ms itself if it has no parts of a second. */
function nextWholeSecond(instant: number): Temporal.Instant {
  return Temporal.Instant.fromEpochMilliseconds(Math.ceil(instant / 1_000) * 1_000);
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
  return civil(text, time, refuse)
    .toZonedDateTime(text.toUpperCase().endsWith("Z") ? "UTC" : timezone)
    .toInstant()
    .toString({ smallestUnit: "second" })
    .replace(/[-:]/g, "");
}

/** As it is written, be it local or in UTC. */
function civil(text: string, time: string, refuse: Refuse): Temporal.PlainDateTime {
  const [, year, month, day, hour, minute, second] = DATE_TIME.exec(text.toUpperCase()) ?? [];
  if (year !== undefined) {
    const written = `${year}-${month}-${day}T${hour === undefined ? time : `${hour}:${minute}:${second}`}`;
    try {
      return Temporal.PlainDateTime.from(written);
    } catch {
      // told below: 30 February
    }
  }
  throw refuse(`${quote(text)} must be a date and time of the calendar, such as 20261231T235959Z`);
}
