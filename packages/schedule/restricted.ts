import type { Schedule } from "./schedule.ts";

/** A schedule with bounds and exceptions. Dates, weekdays and windows are those of the local time in `timezone`. */
export type RestrictedSchedule = {
  type: "restricted";
  of: Schedule;
  timezone: string;
  /** No occurrence before this instant … */
  start?: number;
  /** … and none at or after this one. */
  end?: number;
  /** Civil dates (`2026-12-25`) without an occurrence, ascending. */
  excludeDates?: string[];
  /** Only on these weekdays, 0 (Sunday) to 6. */
  weekdays?: number[];
  /** Only in one of these spans of the day, in seconds since midnight; `from` is in it, `to` is not, and one that ends before it begins goes over midnight. */
  windows?: { from: number; to: number }[];
  /** Shared calendars as they were when this was resolved: with `include` only their dates count, with `exclude` all others. */
  calendars?: { name: string; mode: "include" | "exclude"; dates: string[] }[];
  /** What becomes of an occurrence on a date that is excluded: dropped unless set, or moved to the same local time of the nearest day that is not. */
  move?: "next" | "previous";
  /** Each execution may start up to so many milliseconds after its occurrence, at a moment that follows from both; see spread.ts. Only outermost. */
  spreadMs?: number;
};

export function nextRestricted(_schedule: RestrictedSchedule, _after: number): number | null {
  throw new Error("not built yet");
}

export function describeRestricted(_schedule: RestrictedSchedule): string {
  throw new Error("not built yet");
}
