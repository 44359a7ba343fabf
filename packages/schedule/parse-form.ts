import {
  SCHEDULE_MAX_DEPTH,
  SCHEDULE_MAX_PARTS,
  type ScheduleInput,
  type TypedScheduleInput,
} from "@belfry/contract/schedule-input.ts";
import { checkForm } from "./check-form.ts";
import { parseCron } from "./cron.ts";
import { ScheduleError } from "./errors.ts";
import { parseInstants } from "./instants.ts";
import { parseInterval, startingAt } from "./interval.ts";
import { parseOnce } from "./once.ts";
import { parseDaily, parseMonthly, parseWeekly, parseYearly } from "./parse-calendar.ts";
import { parseDeployed } from "./parse-deployed.ts";
import type { ParseOptions, Parsing } from "./parse-options.ts";
import { restrict, within } from "./parse-restrictions.ts";
import { parseRrule } from "./parse-rrule.ts";
import { parseText } from "./parse-text.ts";
import type { Schedule } from "./schedule.ts";
import { scheduleText } from "./schedule-text.ts";
import { resolveTimeZone } from "./zone.ts";

/** How many schedules were read within one so far, and how deep this one stands. */
type Nesting = { depth: number; read: { parts: number } };
type Place = ParseOptions & { field: string };

/** A schedule that is written as an object; its zone may be its own. Throws ScheduleError. */
export function parseForm(input: unknown, place: Place, nesting: Nesting = { depth: 0, read: { parts: 0 } }): Schedule {
  const form = checkForm(input, place.field);
  const parsing = { ...place, timezone: zoneOf(form, place), text: scheduleText(form) };
  const { start: _, ...unanchored } = form;
  if (!("type" in form)) return bounded(parseDeployed(form, parsing), form, parsing);
  if ("of" in form) {
    return bounded({ type: form.type, of: partsOf(form.of, parsing, nesting) }, form, parsing);
  }
  const schedule = within(parsing.field, () => parseTyped(form, parsing));
  // These two count from their start.
  return bounded(schedule, form.type === "interval" || form.type === "rrule" ? unanchored : form, parsing);
}

function parseTyped(form: Exclude<TypedScheduleInput, { type: "any" | "all" | "except" }>, parsing: Parsing): Schedule {
  const { field, anchor, timezone } = parsing;
  if ("value" in form && form.value.trim() === "") throw new ScheduleError("SCHEDULE_REQUIRED", "required: schedule");
  switch (form.type) {
    case "cron":
      return parseCron(form.value.trim(), timezone, parsing);
    case "interval": {
      const interval = parseInterval(form.value.trim(), anchor);
      return form.start === undefined
        ? interval
        : startingAt(parseOnce(form.start, { field: `${field}.start` }).at, interval);
    }
    case "once":
      return parseOnce(form.value.trim());
    case "instants":
      return parseInstants(form.values, { field: `${field}.values` });
    case "daily":
      return parseDaily(form, parsing);
    case "weekly":
      return parseWeekly(form, parsing);
    case "monthly":
      return parseMonthly(form, parsing);
    case "yearly":
      return parseYearly(form, parsing);
    case "rrule":
      return parseRrule(form.value, parsing, form.start);
  }
}

function partsOf(parts: readonly unknown[], { text: _, ...place }: Parsing, { depth, read }: Nesting): Schedule[] {
  if (depth === SCHEDULE_MAX_DEPTH) {
    throw tooLarge(place.field, `must not be nested deeper than ${SCHEDULE_MAX_DEPTH} levels`);
  }
  return parts.map((part, index) => {
    const inner = { ...place, field: `${place.field}.of[${index}]` };
    const schedule =
      typeof part === "string"
        ? within(inner.field, () => parseText(part, inner))
        : parseForm(part, inner, { depth: depth + 1, read });
    const isGroup = typeof part === "object" && part !== null && "of" in part;
    if (!isGroup) read.parts += "of" in schedule && Array.isArray(schedule.of) ? schedule.of.length : 1;
    if (read.parts > SCHEDULE_MAX_PARTS) {
      throw tooLarge("schedule", `must not have more than ${SCHEDULE_MAX_PARTS} parts`);
    }
    return schedule;
  });
}

function tooLarge(field: string, why: string): ScheduleError {
  return new ScheduleError("SCHEDULE_TOO_LARGE", `${field} ${why}`, field);
}

function bounded(schedule: Schedule, form: Parameters<typeof restrict>[1], parsing: Parsing): Schedule {
  // A zone that the text itself names is the one in which its days and windows are meant.
  return restrict(schedule, form, "timezone" in schedule ? { ...parsing, timezone: schedule.timezone } : parsing);
}

/** The innermost one that is named. */
function zoneOf(form: Exclude<ScheduleInput, string>, { field, timezone }: Place): string {
  const configured = "schedule_config" in form ? form.schedule_config?.timezone : undefined;
  const name = configured ?? form.timezone;
  if (name === undefined) return timezone;
  const at = configured === undefined ? `${field}.timezone` : `${field}.schedule_config.timezone`;
  try {
    return resolveTimeZone(name);
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error;
    throw new ScheduleError(error.code, `${at}: ${error.message}`, at);
  }
}
