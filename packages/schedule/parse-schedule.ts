import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";
import { NAMED_CRONS, parseCron } from "./cron.ts";
import { quote, ScheduleError } from "./errors.ts";
import { parseInterval } from "./interval.ts";
import { looksLikeInstant, parseOnce } from "./once.ts";
import type { Schedule } from "./schedule.ts";
import { resolveTimeZone } from "./zone.ts";

/** The contract's limit; asked again because the cost of refusing bad text grows with its length. */
const MAX_LENGTH = 1000;

/**
 * What a client's schedule means. `timezone` is the job's IANA zone, `anchor` the instant that intervals count from.
 * Throws ScheduleError. Whether it still has a run ahead of it is asked by `assertHasFuture`.
 */
export function parseSchedule(input: ScheduleInput, options: { timezone: string; anchor: number }): Schedule {
  const timezone = resolveTimeZone(options.timezone);
  const text = scheduleText(input).trim();
  if (text === "") throw new ScheduleError("SCHEDULE_REQUIRED", "required: schedule");
  if (text.length > MAX_LENGTH) {
    throw new ScheduleError("SCHEDULE_TOO_LONG", `schedule ${quote(text)} must have at most ${MAX_LENGTH} characters`);
  }
  switch (typeof input === "string" ? typeOf(text) : input.type) {
    case "cron":
      return parseCron(text, timezone);
    case "interval":
      return parseInterval(text, options.anchor);
    case "once":
      return parseOnce(text);
  }
}

/** The client's own words, for messages. */
export function scheduleText(input: ScheduleInput): string {
  return typeof input === "string" ? input : input.value;
}

function typeOf(text: string): Schedule["type"] {
  if (text.startsWith("@")) {
    if (/^@every(?:\s|$)/i.test(text)) return "interval";
    if (Object.hasOwn(NAMED_CRONS, text.toLowerCase())) return "cron";
    const names = Object.keys(NAMED_CRONS).join(", ");
    throw new ScheduleError(
      "SCHEDULE_NAME_UNKNOWN",
      `schedule ${quote(text)} must be @every <duration> or one of ${names}`,
    );
  }
  if (looksLikeInstant(text)) return "once";
  // One word that begins like a number: a person who writes "5x" or "90" means a duration, not a cron of one field.
  if (/^[+-]?[\d.]+(?:[a-zµμ][^\s]*)?$/i.test(text)) return "interval";
  return "cron";
}
