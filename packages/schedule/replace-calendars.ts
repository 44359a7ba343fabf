import type { Schedule } from "./schedule.ts";

/**
 * The same schedule with other dates in its calendars, and nothing else read anew: what intervals are counted from and what
 * was resolved when it was parsed stays as it is. `datesOf` gives a calendar's dates by its name, ascending.
 */
export function replaceCalendars(schedule: Schedule, datesOf: (name: string) => readonly string[]): Schedule {
  switch (schedule.type) {
    case "restricted": {
      const of = replaceCalendars(schedule.of, datesOf);
      const calendars = schedule.calendars?.map((calendar) => ({ ...calendar, dates: [...datesOf(calendar.name)] }));
      return { ...schedule, of, ...(calendars && { calendars }) };
    }
    case "any":
    case "all":
    case "except":
      return { ...schedule, of: schedule.of.map((part) => replaceCalendars(part, datesOf)) };
    default:
      return schedule;
  }
}
