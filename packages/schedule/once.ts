import { quote, ScheduleError } from "./errors.ts";
import { MAX_INSTANT } from "./instant.ts";
import type { Where } from "./parse-options.ts";

/** Runs at one instant. */
export type OnceSchedule = { type: "once"; at: number };

const DATE = /^\d{4}-\d{2}-\d{2}/;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:?\d{2}(?::?\d{2}(?:[.,]\d{1,9})?)?/;
const OFFSET = /(?:[Zz]|[+-]\d{2}(?::?\d{2})?)$/;
const EXAMPLE = "for example 2030-12-15T09:00:00Z or 2030-12-15T09:00:00+02:00";

/** Whether a schedule written as a plain string is meant as an instant. */
export function looksLikeInstant(text: string): boolean {
  return DATE.test(text);
}

/**
 * An ISO 8601 date and time with its offset, or Z. What is finer than a millisecond is cut off. Throws ScheduleError.
 * A text without an offset is refused rather than read in the job's zone: on one night a year it would mean two instants.
 */
export function parseOnce(text: string, where: Where = { field: "schedule" }): OnceSchedule {
  const invalid = (why: string) =>
    new ScheduleError("INSTANT_INVALID", `${where.field} ${quote(text)} ${why}`, where.field);
  const dateTime = DATE_TIME.exec(text)?.[0];
  if (dateTime === undefined) throw invalid(`must be an ISO 8601 instant, ${EXAMPLE}`);
  const rest = text.slice(dateTime.length);
  if (rest === "") throw invalid(`needs an offset or Z at its end, ${EXAMPLE}`);
  if (OFFSET.exec(rest)?.index !== 0) throw invalid(`must be an ISO 8601 instant, ${EXAMPLE}`);
  const at = epochMilliseconds(text);
  if (at === undefined || at > MAX_INSTANT) throw invalid("is not a date and time of the calendar");
  return { type: "once", at };
}

function epochMilliseconds(text: string): number | undefined {
  try {
    return Temporal.Instant.from(text).epochMilliseconds;
  } catch {
    return undefined; // 30 February, hour 25
  }
}

export function nextOnce({ at }: OnceSchedule, after: number): number | null {
  return at > after ? at : null;
}
