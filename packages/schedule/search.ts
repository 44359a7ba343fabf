import type { CombinedSchedule } from "./combined.ts";
import { ScheduleError } from "./errors.ts";
import { MAX_INSTANT } from "./instant.ts";
import type { RestrictedSchedule } from "./restricted.ts";
import type { Schedule } from "./schedule.ts";

/**
 * How many steps a combined or restricted schedule may take while one next occurrence is looked for. A step is one question to one
 * of the schedules inside of it, or one stretch of time that is ruled out as a whole. 10,000 take some 10 ms.
 */
export const MAX_STEPS = 10_000;

/** And all schedules of one search together: the sweep that asks serves everybody, and waits some 150 ms for one of them at most. */
export const MAX_TOTAL_STEPS = 40_000;

/** After so many steps without success it is worth the while to rule out whole stretches; see rule-out.ts. */
export const PATIENCE = 64;

/** What a question to a schedule counts. A recurrence rule takes that much longer to answer than the others. */
export const stepsToAsk = (schedule: Schedule): number => (schedule.type === "rrule" ? 10 : 1);

/** What lies further ahead is not looked for: as far as cron expressions are searched. */
const HORIZON_MS = 100 * 366 * 86_400_000;

/** One search for a next occurrence, through all the schedules of which the one asked for is made. */
export type Search = {
  /**
   * The first occurrence of an inner schedule strictly after an instant. Null if it certainly has none up to the limit; what is found
   * beyond the limit is the first one all the same. Throws ScheduleError SCHEDULE_TOO_RARE when the steps run out before that is certain.
   */
  next: (schedule: Schedule, after: number) => number | null;
  /** Takes one or more of a schedule's steps. Throws like `next`. */
  step: (schedule: Schedule, count?: number) => void;
  /** Takes steps of the whole search for what is no question. Throws like `next`. */
  spend: (count: number) => void;
  /** Nobody asks for an occurrence after this instant. */
  limit: number;
  /** The limit is where every search ends, and not one of a part of it. */
  isWhole: boolean;
  /** The same search, for occurrences up to another instant. */
  upTo: (limit: number) => Search;
};

type Ask = (schedule: Schedule, after: number, search: Search) => number | null;

/** What was found is true for ever, also for other searches. */
const found = new WeakMap<Schedule, { after: number; next: number }>();

/**
 * Steps are counted and not timed. One that runs out of them must not look like one that has found nothing: a job would be taken for
 * completed whose next occurrence is merely hard to find.
 */
export function startSearch(after: number, ask: Ask): Search {
  const taken = new Map<Schedule, number>();
  /** The stretches in which a schedule certainly has no occurrence: after the one instant, up to and with the other. */
  const empty = new Map<Schedule, { after: number; upTo: number }>();
  const horizon = Math.min(after + HORIZON_MS, MAX_INSTANT);
  let total = 0;

  const spend = (count: number): void => {
    total += count;
    if (total > MAX_TOTAL_STEPS) throw tooRare();
  };
  const step = (schedule: Schedule, count = 1): void => {
    const steps = (taken.get(schedule) ?? 0) + count;
    taken.set(schedule, steps);
    if (steps > MAX_STEPS) throw tooRare();
  };
  const until = (limit: number): Search => {
    const search: Search = {
      limit,
      isWhole: limit >= horizon,
      step,
      spend,
      upTo: (instant) => (instant === limit ? search : until(instant)),
      next: (schedule, from) => {
        spend(stepsToAsk(schedule));
        if (!isMade(schedule)) return ask(schedule, from, search);
        const known = found.get(schedule);
        if (known !== undefined && from >= known.after && from < known.next) return known.next;
        // A hard search must not be made again for what it has gone through.
        const none = empty.get(schedule);
        const goesOn = none !== undefined && from >= none.after && from <= none.upTo;
        const [since, start] = goesOn ? [none.after, none.upTo] : [from, from];
        if (start >= limit) return null;
        const next = ask(schedule, start, search);
        if (next === null) empty.set(schedule, { after: since, upTo: limit });
        else found.set(schedule, { after: since, next });
        return next;
      },
    };
    return search;
  };
  return until(horizon);
}

function tooRare(): ScheduleError {
  return new ScheduleError("SCHEDULE_TOO_RARE", "schedule takes too long to search: its parts hardly ever meet");
}

/** Whether it is not known if a schedule has a next occurrence. */
export function isTooRare(error: unknown): error is ScheduleError {
  return error instanceof ScheduleError && error.code === "SCHEDULE_TOO_RARE";
}

/** Whether a schedule is made of others. */
export function isMade(schedule: Schedule): schedule is CombinedSchedule | RestrictedSchedule {
  return ["any", "all", "except", "restricted"].includes(schedule.type);
}
