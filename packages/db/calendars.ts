/** Calendars: named sets of dates that an account's schedules share. */
import type { CreateCalendarBody, PatchCalendarBody } from "@belfry/contract/calendar.ts";
import { ApiError } from "@belfry/contract/errors.ts";
import { and, desc, eq, getTableColumns, lt, sql } from "drizzle-orm";
import { holdCalendars } from "./calendar-lock.ts";
import type { Db } from "./client.ts";
import { nameTaken } from "./name-taken.ts";
import { newId } from "./new-id.ts";
import { askForReplans, jobsWithCalendar } from "./replan-requests.ts";
import { calendars } from "./tables/calendars.ts";
import { inTransaction } from "./transaction.ts";

export type CalendarRow = typeof calendars.$inferSelect;
export type CalendarSummaryRow = Omit<CalendarRow, "dates"> & { dateCount: number };

/** `jobsToReplan`: how many jobs are planned anew after the change. */
export type CalendarChange = { calendar: CalendarRow; jobsToReplan: number };

/** Throws ApiError CALENDAR_NAME_TAKEN. */
export async function createCalendar(db: Db, accountId: string, body: CreateCalendarBody): Promise<CalendarRow> {
  const { name, description, dates } = body;
  try {
    const [row] = await db
      .insert(calendars)
      .values({ id: newId(), accountId, name, description, dates: inOrder(dates) })
      .returning();
    return row as CalendarRow;
  } catch (error) {
    throw nameTaken(error, "calendars_name", name);
  }
}

export async function getCalendar(db: Db, accountId: string, calendarId: string): Promise<CalendarRow | null> {
  const [row] = await db.select().from(calendars).where(own(accountId, calendarId));
  return row ?? null;
}

/** Newest first, those before the id `before`; without their dates, of which there may be many. */
export function listCalendars(
  db: Db,
  accountId: string,
  page: { before?: string; limit: number },
): Promise<CalendarSummaryRow[]> {
  const { dates: _, ...columns } = getTableColumns(calendars);
  return db
    .select({ ...columns, dateCount: sql<number>`cardinality(${calendars.dates})` })
    .from(calendars)
    .where(
      and(eq(calendars.accountId, accountId), page.before === undefined ? undefined : lt(calendars.id, page.before)),
    )
    .orderBy(desc(calendars.id))
    .limit(page.limit);
}

/**
 * Changes a calendar; when its dates change, the jobs that refer to it are planned anew. Null if the account has none.
 * Throws ApiError: CALENDAR_NAME_TAKEN, CALENDAR_IN_USE for another name while a job refers to this one.
 */
export async function patchCalendar(
  db: Db,
  accountId: string,
  calendarId: string,
  patch: PatchCalendarBody,
): Promise<CalendarChange | null> {
  try {
    return await changeCalendar(db, accountId, calendarId, async (tx, was) => {
      if (patch.name !== undefined && patch.name !== was.name) await assertUnused(tx, was, "renamed");
      return {
        name: patch.name ?? was.name,
        description: patch.description ?? was.description,
        dates: patch.dates === undefined ? was.dates : inOrder(patch.dates),
      };
    });
  } catch (error) {
    throw nameTaken(error, "calendars_name", patch.name ?? "");
  }
}

/** Null if the account has none. Throws ApiError CALENDAR_IN_USE while a job that is not deleted refers to it. */
export async function deleteCalendar(db: Db, accountId: string, calendarId: string): Promise<CalendarRow | null> {
  return inTransaction(db, async (tx) => {
    await holdCalendars(tx, accountId, "to change");
    const row = await getCalendar(tx, accountId, calendarId);
    if (!row) return null;
    await assertUnused(tx, row, "deleted");
    await tx.delete(calendars).where(eq(calendars.id, calendarId));
    return row;
  });
}

type Fields = Pick<CalendarRow, "name" | "description" | "dates">;

/** The frame of every change. A calendar that would stay as it is keeps its version and replans nothing. */
export async function changeCalendar(
  db: Db,
  accountId: string,
  calendarId: string,
  change: (tx: Db, was: CalendarRow) => Fields | Promise<Fields>,
): Promise<CalendarChange | null> {
  return inTransaction(db, async (tx) => {
    await holdCalendars(tx, accountId, "to change");
    const was = await getCalendar(tx, accountId, calendarId);
    if (!was) return null;
    const fields = await change(tx, was);
    const sameDates = fields.dates.join() === was.dates.join();
    const [calendar] = await tx
      .update(calendars)
      .set({ ...fields, version: sameDates ? was.version : was.version + 1, updatedAt: sql`now()` })
      .where(eq(calendars.id, calendarId))
      .returning();
    return {
      calendar: calendar as CalendarRow,
      jobsToReplan: sameDates ? 0 : await askForReplans(tx, accountId, was.name),
    };
  });
}

/** Ascending, each once. */
export const inOrder = (dates: readonly string[]): string[] => [...new Set(dates)].sort();

const own = (accountId: string, calendarId: string) =>
  and(eq(calendars.id, calendarId), eq(calendars.accountId, accountId));

async function assertUnused(tx: Db, { accountId, name }: CalendarRow, what: "renamed" | "deleted"): Promise<void> {
  const users = await jobsWithCalendar(tx, accountId, name);
  if (users === 0) return;
  const who = users === 1 ? "a job" : `${users} jobs`;
  throw new ApiError("CALENDAR_IN_USE", `calendar "${name}" is used by ${who} and cannot be ${what}`);
}
