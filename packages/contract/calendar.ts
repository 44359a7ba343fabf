import { z } from "zod";
import { description, instant, name } from "./text.ts";

/** A calendar's dates are copied into each schedule that names it, which bounds how many there may be. */
export const CALENDAR_MAX_DATES = 4_000;

/** A civil date: `2026-12-25`. */
const date = z.iso.date("must be a date such as 2026-12-25").refine((text) => text >= "1970-01-01", {
  message: "must not lie before 1970",
});

/** Schedules refer to calendars by name. */
const calendarName = name.refine((text) => text.length <= 100, "must have at most 100 characters");

/** In any order; one that is named twice counts once. */
const dates = z.array(date).max(CALENDAR_MAX_DATES, `must not be more than ${CALENDAR_MAX_DATES}`);

const editable = { name: calendarName, description, dates };

/** Body of `POST /automation/calendars`. */
export const createCalendarBody = z.strictObject({
  name: editable.name,
  description: editable.description.default(""),
  dates: editable.dates,
});
export type CreateCalendarBody = z.infer<typeof createCalendarBody>;

/** Body of `PATCH /automation/calendars/{id}`: what is absent stays as it is, `dates` replace those that there are. */
export const patchCalendarBody = z
  .strictObject(editable)
  .partial()
  .refine((body) => Object.keys(body).length > 0, "must change at least one field");
export type PatchCalendarBody = z.infer<typeof patchCalendarBody>;

/** A calendar as the API lists it. */
export const calendarSummary = z.object({
  id: z.uuid(),
  account_id: z.uuid(),
  name: z.string(),
  description: z.string(),
  date_count: z.int(),
  /** One more with each change of the dates. */
  version: z.int(),
  created_at: instant,
  updated_at: instant,
});
export type CalendarSummary = z.infer<typeof calendarSummary>;

/** A calendar with its dates, ascending. */
export const calendar = calendarSummary.extend({ dates: z.array(z.iso.date()) });
export type Calendar = z.infer<typeof calendar>;

/** A calendar after a change. */
export const changedCalendar = calendar.extend({
  /** Jobs that are planned anew because of it, within moments, those that are due first before the others. */
  jobs_to_replan: z.int(),
});
export type ChangedCalendar = z.infer<typeof changedCalendar>;

/** A calendar after an import. */
export const importedCalendar = changedCalendar.extend({
  /** Events that were read. */
  events: z.int(),
  dates_added: z.int(),
  dates_removed: z.int(),
});
export type ImportedCalendar = z.infer<typeof importedCalendar>;
