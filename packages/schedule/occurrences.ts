import { nextFound } from "./next-run.ts";
import type { Schedule } from "./schedule.ts";

/** Occurrences strictly after `after` and not later than `upTo`, in order, at most `limit`; those that are found before the search takes too long. */
export function occurrencesBetween(schedule: Schedule, after: number, upTo: number, limit: number): number[] {
  const found: number[] = [];
  let next = after;
  while (found.length < limit) {
    const run = nextFound(schedule, next);
    if (run === null || run > upTo) break;
    found.push(run);
    next = run;
  }
  return found;
}

/** The next `count` occurrences strictly after `after`, fewer when the schedule ends. */
export function preview(schedule: Schedule, after: number, count: number): number[] {
  return occurrencesBetween(schedule, after, Infinity, count);
}
