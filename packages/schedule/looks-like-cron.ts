import { quote, ScheduleError } from "./errors.ts";

const FIELD = /^(?:[\d*?,\-/#()LWH]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|SUN|MON|TUE|WED|THU|FRI|SAT)+$/i;

/**
 * Whether a text is meant as a cron expression, be it a wrong one, rather than as words that are not known. Throws ScheduleError for
 * one that begins with the bare name of a zone, since what it lacks is easily told.
 */
export function looksLikeCron(text: string): boolean {
  const zone = /^(?:CRON_)?TZ=/i.test(text);
  const [first = "", ...rest] = text.split(/\s+/);
  const fields = zone ? rest : [first, ...rest];
  if (/^(?:[a-z]+(?:\/[a-z0-9_+-]+)+|utc|gmt)$/i.test(first) && !FIELD.test(first) && rest.every(isField)) {
    throw new ScheduleError(
      "CRON_FIELD_INVALID",
      `schedule ${quote(text)}: a time zone in front of the fields is written TZ=${first}`.slice(0, 300),
    );
  }
  const fitting = fields.filter(isField).length;
  if (zone || fitting === fields.length || /[*?]/.test(text)) return true;
  // Of as many parts as a cron expression has, most are fields, or none is a word.
  const counts = fields.length === 5 || fields.length === 6;
  return counts && (fitting * 2 >= fields.length || !/[a-z]{2}/i.test(text));
}

const isField = (field: string): boolean => FIELD.test(field);
