import type { RestrictedSchedule } from "./restricted.ts";
import { restrictionsOf } from "./restrictions.ts";
import { segmentAt } from "./zone.ts";

/** Whether an instant keeps to the bounds, dates, weekdays and windows of a restricted schedule: every occurrence of it does. */
export function isWithin(schedule: RestrictedSchedule, instant: number): boolean {
  const { start = -Infinity, end = Infinity } = schedule;
  if (instant < start || instant >= end) return false;
  const { dayOf, allows } = restrictionsOf(schedule);
  const day = dayOf(instant + segmentAt(schedule.timezone, instant).offset);
  return day !== null && allows(day);
}
