import type { CalendarChange, CalendarRow, CalendarSummaryRow } from "@belfry/db/calendars.ts";
import type { CalendarAnswer, CalendarSummaryAnswer, ChangedCalendarAnswer } from "./answers.ts";

/** A calendar's row as a list shows it. */
export function presentCalendarSummary(row: CalendarSummaryRow): CalendarSummaryAnswer {
  return {
    id: row.id,
    account_id: row.accountId,
    name: row.name,
    description: row.description,
    date_count: row.dateCount,
    version: row.version,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}

/** The same with its dates. */
export function presentCalendar(row: CalendarRow): CalendarAnswer {
  return { ...presentCalendarSummary({ ...row, dateCount: row.dates.length }), dates: row.dates };
}

export function presentCalendarChange({ calendar, jobsToReplan }: CalendarChange): ChangedCalendarAnswer {
  return { ...presentCalendar(calendar), jobs_to_replan: jobsToReplan };
}
