import { isWithin } from "./is-within.ts";
import type { Schedule } from "./schedule.ts";
import type { Search } from "./search.ts";

/** Whether a schedule has an occurrence at an instant: no search beyond it is made for that. Throws as `search.next` does. */
export function occursAt(schedule: Schedule, instant: number, search: Search): boolean {
  switch (schedule.type) {
    case "any":
      return schedule.of.some((inner) => occursAt(inner, instant, search));
    case "all":
      return schedule.of.length > 0 && schedule.of.every((inner) => occursAt(inner, instant, search));
    case "except": {
      const [first, ...others] = schedule.of;
      if (first === undefined || !occursAt(first, instant, search)) return false;
      return !others.some((inner) => occursAt(inner, instant, search));
    }
    case "restricted":
      if (!isWithin(schedule, instant)) return false;
      if (schedule.move === undefined || occursAt(schedule.of, instant, search))
        return occursAt(schedule.of, instant, search);
      break;
  }
  return search.upTo(instant).next(schedule, instant - 1) === instant;
}
