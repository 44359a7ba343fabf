/** Schedules and the account's calendars that they name. */
import type { DstRule } from "@belfry/contract/dst.ts";
import { ApiError } from "@belfry/contract/errors.ts";
import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";
import { assertHasFuture } from "@belfry/schedule/assert-has-future.ts";
import { quote, ScheduleError } from "@belfry/schedule/errors.ts";
import type { ParseOptions } from "@belfry/schedule/parse-options.ts";
import { parseSchedule } from "@belfry/schedule/parse-schedule.ts";
import { replaceCalendars } from "@belfry/schedule/replace-calendars.ts";
import type { Schedule } from "@belfry/schedule/schedule.ts";
import { and, eq, inArray } from "drizzle-orm";
import { holdCalendars } from "./calendar-lock.ts";
import type { Db } from "./client.ts";
import { calendars } from "./tables/calendars.ts";
import type { jobs } from "./tables/jobs.ts";

/** The civil dates of the calendars of these names that there are. */
export type CalendarReader = (names: readonly string[]) => Promise<ReadonlyMap<string, string[]>>;

/** The account's calendars as they are and stay until the transaction ends. Each is read once, however many schedules name it. */
export function calendarsOf(tx: Db, accountId: string): CalendarReader {
  const known = new Map<string, string[]>();
  const asked = new Set<string>();
  return async (names) => {
    const unknown = names.filter((name) => !asked.has(name));
    if (unknown.length > 0) for (const [name, dates] of await readDates(tx, accountId, unknown)) known.set(name, dates);
    for (const name of unknown) asked.add(name);
    return known;
  };
}

/**
 * What a client's schedule means, with the calendars of the account as they are and stay until the transaction ends, and
 * their names. Throws ScheduleError for what `parseSchedule` refuses, a calendar that the account does not have included.
 */
export async function readSchedule(
  readCalendars: CalendarReader,
  input: ScheduleInput,
  options: Omit<ParseOptions, "calendars">,
): Promise<{ spec: Schedule; calendars: string[] }> {
  const names = new Set<string>();
  // Who reads the schedule finds out which calendars it names; nobody else has to know where such names may stand.
  const noted = (name: string) => {
    names.add(name);
    return { dates: [] };
  };
  const spec = parseSchedule(input, { ...options, calendars: noted });
  if (names.size === 0) return { spec, calendars: [] };
  const dates = await readCalendars([...names]);
  const known = (name: string) => {
    const of = dates.get(name);
    return of && { dates: of };
  };
  return { spec: parseSchedule(input, { ...options, calendars: known }), calendars: [...names].sort() };
}

/** Of a job, or of one to be: what its schedule is read with. */
type Written = { id: string; schedule: ScheduleInput; timezone: string; dst: DstRule | null };

/** The same with the first run after `now`. Throws ApiError SCHEDULE_INVALID, also when nothing of the schedule is left to run. */
export function readFuture(
  readCalendars: CalendarReader,
  { id, schedule, timezone, dst }: Written,
  now: number,
): Promise<{ spec: Schedule; calendars: string[]; firstRun: number }> {
  return refusingSchedules(async () => {
    const read = await readSchedule(readCalendars, schedule, { timezone, anchor: now, seed: id, ...(dst && { dst }) });
    return { ...read, firstRun: assertHasFuture(read.spec, schedule, now) };
  });
}

/**
 * A job's schedule with its calendars as they are and stay until the transaction ends.
 * Throws ApiError SCHEDULE_INVALID when one of them is no more.
 */
export async function withCalendarsOfToday(
  tx: Db,
  job: Pick<typeof jobs.$inferSelect, "accountId" | "calendars" | "scheduleSpec">,
): Promise<Schedule> {
  if (job.calendars.length === 0) return job.scheduleSpec;
  const dates = await readDates(tx, job.accountId, job.calendars);
  return replaceCalendars(job.scheduleSpec, (name) => {
    const of = dates.get(name);
    if (of) return of;
    const message = `schedule names the calendar ${quote(name)}, which does not exist`;
    throw new ApiError("SCHEDULE_INVALID", message, [{ path: "schedule", message, code: "CALENDAR_UNKNOWN" }]);
  });
}

/** Runs what throws ScheduleError, and throws ApiError SCHEDULE_INVALID in its place. */
export async function refusingSchedules<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error;
    throw new ApiError("SCHEDULE_INVALID", error.message, [
      { path: error.field, message: error.message, code: error.code },
    ]);
  }
}

async function readDates(tx: Db, accountId: string, names: readonly string[]): Promise<Map<string, string[]>> {
  await holdCalendars(tx, accountId, "to read");
  const rows = await tx
    .select({ name: calendars.name, dates: calendars.dates })
    .from(calendars)
    .where(and(eq(calendars.accountId, accountId), inArray(calendars.name, [...names])));
  return new Map(rows.map(({ name, dates }) => [name, dates]));
}
