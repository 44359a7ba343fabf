import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";
import { parseForm } from "./parse-form.ts";
import type { ParseOptions } from "./parse-options.ts";
import { parseText } from "./parse-text.ts";
import type { Schedule } from "./schedule.ts";
import { resolveTimeZone } from "./zone.ts";

/**
 * What a client's schedule means. Throws ScheduleError, which names the field that is wrong and what it may be, for anything else.
 * Whether it still has a run ahead of it is asked by `assertHasFuture`.
 */
export function parseSchedule(input: ScheduleInput, options: ParseOptions): Schedule {
  const place = { ...options, timezone: resolveTimeZone(options.timezone), field: "schedule" };
  return typeof input === "string" ? parseText(input, place) : parseForm(input, place);
}
