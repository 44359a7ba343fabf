import { CALENDAR_MAX_DATES } from "@belfry/contract/calendar.ts";
import { invalidField } from "@belfry/contract/errors.ts";
import { type CalendarChange, changeCalendar, inOrder } from "./calendars.ts";
import type { Db } from "./client.ts";

/**
 * Adds dates to a calendar, or puts them in place of those that it has. Null if the account has no such calendar.
 * Throws ApiError VALIDATION_ERROR when they would be too many.
 */
export async function importDates(
  db: Db,
  accountId: string,
  calendarId: string,
  dates: readonly string[],
  { replace }: { replace: boolean },
): Promise<(CalendarChange & { added: number; removed: number }) | null> {
  let before: ReadonlySet<string> = new Set();
  const change = await changeCalendar(db, accountId, calendarId, (_tx, was) => {
    before = new Set(was.dates);
    const all = inOrder(replace ? dates : [...was.dates, ...dates]);
    if (all.length > CALENDAR_MAX_DATES)
      throw invalidField(
        "dates",
        `the calendar would have ${all.length} dates, at most ${CALENDAR_MAX_DATES} are allowed`,
      );
    return { name: was.name, description: was.description, dates: all };
  });
  if (!change) return null;
  const after = new Set(change.calendar.dates);
  return { ...change, added: after.difference(before).size, removed: before.difference(after).size };
}
