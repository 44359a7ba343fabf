import type { DstRule } from "./dst.ts";

/** Runs at the given local times of each day that `days` names. */
export type CalendarSchedule = {
  type: "calendar";
  /** Local times of day, `HH:MM` or `HH:MM:SS`, ascending. */
  times: string[];
  days: DayRule;
  timezone: string;
  dst?: DstRule;
};

/** Weekdays are 0 (Sunday) to 6. `from` is a civil date (`2026-01-31`) in whose day, week, month or year the count of `interval` begins. */
export type DayRule =
  | { every: "day"; interval: number; from?: string }
  | { every: "week"; interval: number; from?: string; weekdays: number[] }
  | {
      every: "month";
      interval: number;
      from?: string;
      months?: number[];
      on: DayOfMonth[];
      shortMonths: "last" | "skip";
    };

/** A day's number, counted from the end if it is negative (-1 is the last), or the nth of a weekday (-1 is the last one). */
export type DayOfMonth = { day: number } | { nth: number; weekday: number };

export function nextCalendar(_schedule: CalendarSchedule, _after: number): number | null {
  throw new Error("not built yet");
}

export function describeCalendar(_schedule: CalendarSchedule): string {
  throw new Error("not built yet");
}
