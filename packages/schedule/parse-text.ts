import { NAMED_CRONS, parseCron } from "./cron.ts";
import { looksLikeIsoDuration } from "./duration.ts";
import { quote, ScheduleError } from "./errors.ts";
import { parseInterval } from "./interval.ts";
import { looksLikeCron } from "./looks-like-cron.ts";
import { looksLikeInstant, parseOnce } from "./once.ts";
import { looksLikeColons, parseColons } from "./parse-colons.ts";
import type { ParseOptions } from "./parse-options.ts";
import { looksLikeRrule, parseRrule } from "./parse-rrule.ts";
import { looksLikeWords, parseWords, unknownWords } from "./parse-words.ts";
import type { Schedule } from "./schedule.ts";

/** The contract's limit; asked again because the cost of refusing bad text grows with its length. */
const MAX_LENGTH = 1000;

/** A schedule that is written as a plain string, in whichever of the notations it is. Throws ScheduleError. */
export function parseText(input: string, place: ParseOptions & { field: string }): Schedule {
  const text = input.trim();
  if (text === "") throw new ScheduleError("SCHEDULE_REQUIRED", "required: schedule");
  if (text.length > MAX_LENGTH) {
    throw new ScheduleError("SCHEDULE_TOO_LONG", `schedule ${quote(text)} must have at most ${MAX_LENGTH} characters`);
  }
  const parsing = { ...place, text };
  if (looksLikeInstant(text)) return parseOnce(text);
  if (looksLikeRrule(text)) return parseRrule(text, parsing);
  if (looksLikeColons(text)) return parseColons(text, parsing);
  if (isInterval(text)) return parseInterval(text, parsing.anchor);
  if (text.startsWith("@")) return parseCron(knownName(text), parsing.timezone, parsing);
  if (isName(`@${text}`)) return parseCron(`@${text}`, parsing.timezone, parsing);
  if (looksLikeWords(text)) return parseWords(text, parsing);
  if (!looksLikeCron(text)) throw unknownWords(text, parsing.field);
  return parseCron(text, parsing.timezone, parsing);
}

function isInterval(text: string): boolean {
  // One word that begins like a number: a person who writes "5x" or "90" means a duration, not a cron of one field.
  return /^@every(?:\s|$)/i.test(text) || looksLikeIsoDuration(text) || /^[+-]?[\d.]+(?:[a-zµμ][^\s]*)?$/i.test(text);
}

function isName(text: string): boolean {
  return Object.hasOwn(NAMED_CRONS, text.toLowerCase());
}

function knownName(text: string): string {
  if (isName(text)) return text;
  const names = Object.keys(NAMED_CRONS).join(", ");
  throw new ScheduleError(
    "SCHEDULE_NAME_UNKNOWN",
    `schedule ${quote(text)} must be @every <duration> or one of ${names}`,
  );
}
