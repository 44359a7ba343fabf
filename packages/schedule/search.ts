import type { CombinedSchedule } from "./combined.ts";
import { MAX_INSTANT } from "./instant.ts";
import type { RestrictedSchedule } from "./restricted.ts";
import type { Schedule } from "./schedule.ts";

/**
 * How many steps a combined or restricted schedule may take while one next occurrence is looked for. A step is one question to one
 * of the schedules inside of it, or one stretch of time that is ruled out as a whole. 10,000 take some 10 ms.
 */
export const MAX_STEPS = 10_000;

/** A search that is made in vain each time is to be cheaper than this. */
const MANY_STEPS = 1_000;

/** After so many steps without success it is worth the while to rule out whole stretches; see rule-out.ts. */
export const PATIENCE = 64;

/** What a question to a schedule counts. A recurrence rule takes longer to answer than the others, and is to be found in ten years of days all the same. */
export const stepsToAsk = (schedule: Schedule): number => (schedule.type === "rrule" ? 2 : 1);

/** What lies further ahead is not looked for: as far as cron expressions are searched. */
const HORIZON_MS = 100 * 366 * 86_400_000;

/** One search for a next occurrence, through all the schedules of which the one asked for is made. */
export type Search = {
  /** The first occurrence of an inner schedule strictly after an instant. */
  next: (schedule: Schedule, after: number) => number | null;
  /** Takes one or more of a schedule's steps; false if not so many are left. */
  step: (schedule: Schedule, count?: number) => boolean;
  /** Whether many steps were taken for one of the inner schedules and nothing was found. */
  wasInVain: () => boolean;
  /** A search that has not found anything up to this instant ends. */
  limit: number;
};

type Ask = (schedule: Schedule, after: number, search: Search) => number | null;

/** What was found is true for ever; that nothing was found may be due to how much was looked at, and is not kept. */
const found = new WeakMap<Schedule, { after: number; next: number }>();

/**
 * Each schedule of a tree has steps of its own, counted and not timed, so that the same question has the same answer everywhere; and
 * one that is out of steps takes none from its neighbours.
 */
export function startSearch(after: number, ask: Ask): Search {
  const taken = new Map<Schedule, number>();
  const endedAfter = new Map<Schedule, number>();
  const search: Search = {
    limit: Math.min(after + HORIZON_MS, MAX_INSTANT),
    next: (schedule, from) => {
      if (!isMade(schedule)) return ask(schedule, from, search);
      // A hard search must not be made again for every instant up to what it found.
      if (from >= (endedAfter.get(schedule) ?? Infinity)) return null;
      const known = found.get(schedule);
      if (known !== undefined && from >= known.after && from < known.next) return known.next;
      const next = ask(schedule, from, search);
      if (next === null) endedAfter.set(schedule, from);
      else found.set(schedule, { after: from, next });
      return next;
    },
    step: (schedule, count = 1) => {
      const steps = (taken.get(schedule) ?? 0) + count;
      taken.set(schedule, steps);
      return steps <= MAX_STEPS;
    },
    wasInVain: () => endedAfter.keys().some((schedule) => (taken.get(schedule) ?? 0) > MANY_STEPS),
  };
  return search;
}

/** Whether a schedule is made of others. */
export function isMade(schedule: Schedule): schedule is CombinedSchedule | RestrictedSchedule {
  return ["any", "all", "except", "restricted"].includes(schedule.type);
}
