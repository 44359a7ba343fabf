import type { DayOfMonth } from "./calendar.ts";
import { parseCron } from "./cron.ts";
import { dayNumberOf, monthOf, nthOf, parseMonthDay, weekdayOf, weekdaysOf } from "./day-names.ts";
import { quote, ScheduleError } from "./errors.ts";
import { durationInWords, parseInterval } from "./interval.ts";
import { calendar, countOf, monthly, yearly } from "./parse-calendar.ts";
import { type Parsing, refused } from "./parse-options.ts";
import type { Schedule } from "./schedule.ts";
import { timeOfDay } from "./time-of-day.ts";

const EXAMPLES =
  '"every 2 hours", "every day at 9:00", "weekdays at 9:00", "every monday and thursday at 14:30", "monthly on the 15th at 8:00" or "first monday of the month at 9:00"';

const FIRST_WORDS = new Set(
  "every each daily weekly monthly yearly annually weekday weekdays weekend weekends on the last".split(" "),
);

/** Whether a plain string is meant as a sentence rather than as a cron expression. */
export function looksLikeWords(text: string): boolean {
  const [, first = ""] = /^([a-z0-9]+)[\s,]/i.exec(text) ?? [];
  const word = first.toLowerCase();
  if (FIRST_WORDS.has(word)) return true;
  return !/^\d*$/.test(word) && (weekdayOf(word) ?? nthOf(word) ?? dayNumberOf(word)) !== null;
}

/**
 * Elapsed time where no time of day is named (`every 2 hours`, `every 3 days`: counted from the anchor), local times where one is
 * (`every 3 days at 9:00`). Throws ScheduleError.
 */
export function parseWords(text: string, parsing: Parsing): Schedule {
  const words = text.toLowerCase().replace(/\s+/g, " ").replace(/\.$/, "").trim();
  const [, when = "", at] = /^(.*?)(?: at (.+)|$)$/.exec(words) ?? [];
  if (at === undefined && durationInWords(when) !== null) return parseInterval(when, parsing.anchor);
  if (at !== undefined && LAST_WORKDAY.test(when)) return lastWorkday(timesIn(at, text, parsing), parsing);
  const days = dayWords(when, parsing);
  if (days === null) {
    throw new ScheduleError(
      "SCHEDULE_WORDS_UNKNOWN",
      `${parsing.field} ${quote(text)} is not understood; words can be ${EXAMPLES}`,
      parsing.field,
    );
  }
  if (at === undefined) {
    throw new ScheduleError(
      "TIME_INVALID",
      `${parsing.field} ${quote(text)} needs a time of day at its end, for example "${when} at 9:00"`,
      parsing.field,
    );
  }
  return calendar(days, timesIn(at, text, parsing), parsing);
}

/** `9`, `2 am`, `9:00 and 17:00`, `9:00, 13:00 and 17:00`. */
function timesIn(at: string, text: string, { field }: Parsing): string[] {
  return listOf(at).map((part) => {
    const time = timeOfDay(part);
    if (time !== null) return time;
    throw refused({ field, text }, "TIME_INVALID", part, "must be a time of day, such as 9:00, 17:30 or 2 AM");
  });
}

const LAST_WORKDAY =
  /^(?:(?:monthly |(?:every|each) month )on (?:the )?last weekday|(?:on |every |each )?(?:the )?last weekday of (?:the|each|every) month)$/;

/** A calendar has no word for it, a cron expression has. */
function lastWorkday(times: readonly string[], parsing: Parsing): Schedule {
  const crons = times.map((time) => {
    const [hour = 0, minute = 0, second = 0] = time.split(":").map(Number);
    return parseCron(`${second} ${minute} ${hour} LW * *`.replace(/^0 /, ""), parsing.timezone, parsing);
  });
  const [only] = crons;
  return crons.length === 1 && only !== undefined ? only : { type: "any", of: crons };
}

/** Words that are none of those understood, or a misspelt one. */
export function unknownWords(text: string, field: string): ScheduleError {
  return new ScheduleError(
    "SCHEDULE_WORDS_UNKNOWN",
    `${field} ${quote(text)} is neither a cron expression nor words that are understood, such as ${EXAMPLES}`,
    field,
  );
}

type DayWords = ReturnType<typeof monthly> | null;

function dayWords(when: string, parsing: Parsing): DayWords {
  for (const read of [daysInWords, weeksInWords, monthsInWords, yearsInWords]) {
    const rule = read(when, parsing);
    if (rule !== null) return rule;
  }
  return null;
}

function daysInWords(when: string, parsing: Parsing): DayWords {
  if (when === "daily") return { every: "day", interval: 1 };
  const [match, count] = /^(?:every|each) (?:(\d+|other) )?days?$/.exec(when) ?? [];
  return match === undefined ? null : { every: "day", ...counted(count, parsing) };
}

function weeksInWords(when: string, parsing: Parsing): DayWords {
  const [match, weeks, other, listed = ""] =
    /^(?:(?:weekly|(?:every|each) (?:(\d+|other) )?weeks?) on |(?:every|each) (other) |(?:on |every |each )?)(.+)$/.exec(
      when,
    ) ?? [];
  const count = weeks ?? other;
  const weekdays = match === undefined ? null : weekdaysIn(listed);
  return weekdays && { every: "week", ...counted(count, parsing), weekdays };
}

function monthsInWords(when: string, parsing: Parsing): DayWords {
  const [, count, after] = /^(?:monthly|(?:every|each) (?:(\d+|other) )?months?) on (?:the )?(.+)$/.exec(when) ?? [];
  const [, before] = /^(?:on |every |each )?(?:the )?(.+) of (?:the|each|every) month$/.exec(when) ?? [];
  const on = daysOfMonthIn(after ?? before ?? "");
  return on && monthly(on, counted(count, parsing));
}

/** `yearly on december 24`, `every year on the 24th of december`, `every 24 december`. */
function yearsInWords(when: string, parsing: Parsing): DayWords {
  const [, count, date = ""] =
    /^(?:(?:yearly|annually|(?:every|each) (?:(\d+|other) )?years?) on|every|each|on) (?:the )?(.+)$/.exec(when) ?? [];
  const [, day = "", month = ""] = /^(.+?) (?:of )?([a-z]+)$/.exec(date) ?? [];
  const [, otherMonth = "", otherDay = ""] = /^([a-z]+) (?:the )?(\S+)$/.exec(date) ?? [];
  const months = monthOf(month) ?? monthOf(otherMonth);
  const on = daysOfMonthIn(monthOf(month) === null ? otherDay : day);
  if (months === null || on === null) return null;
  for (const one of on) if ("day" in one && one.day > 0) parseMonthDay(`${months}-${one.day}`, parsing);
  return yearly([months], on, counted(count, parsing));
}

function counted(count: string | undefined, parsing: Parsing): ReturnType<typeof countOf> {
  return countOf({ every: Number(countWord(count)) }, parsing);
}

function countWord(count = "1"): string {
  return count === "other" ? "2" : count;
}

function weekdaysIn(listed: string): number[] | null {
  const days = listOf(listed).flatMap((name) => (/^\d/.test(name) ? null : weekdaysOf(name)) ?? [null]);
  return days.every((day) => day !== null) ? days : null;
}

/** `15th`, `1st and 15th`, `last day`, `first monday`, `second and fourth friday`. */
function daysOfMonthIn(listed: string): DayOfMonth[] | null {
  const [, places, weekdayName = ""] = /^(.+) ([a-z]+)$/.exec(listed) ?? [];
  const weekday = /^\d/.test(weekdayName) ? null : weekdayOf(weekdayName);
  if (places !== undefined && weekday !== null) {
    const nths = listOf(places).map(nthOf);
    return nths.every((nth) => nth !== null) ? nths.map((nth) => ({ nth, weekday })) : null;
  }
  const days = listOf(listed.replace(/ days?$/, "")).map(dayNumberOf);
  return days.every((day) => day !== null) ? days.map((day) => ({ day })) : null;
}

function listOf(text: string): string[] {
  return text.split(/(?:\s*,\s*(?:and )?| and )(?:the )?/).map((part) => part.trim());
}
