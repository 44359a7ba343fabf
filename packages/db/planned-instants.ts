/** Which occurrences were planned, from the change history alone. Pure. Instants in milliseconds since the epoch. */
import { nextFound, nextRun } from "@belfry/schedule/next-run.ts";
import { RULES_VERSION, SAME_INSTANTS_SINCE, type Schedule } from "@belfry/schedule/schedule.ts";
import type { JobChangeRow } from "./job-changes.ts";

/** The instants of a schedule from `first` up to `upTo`, both included. */
export type PlanSegment = {
  first: number;
  upTo: number;
  schedule: Schedule;
  /** Whether its instants can still be computed: not if the rules have changed since, or its time zone is gone. */
  computable: boolean;
};

/**
 * The segments of a job's plan, by their beginning. `openUpTo` ends the last one if the plan still goes on, and any
 * whose end is not told.
 */
export function planSegments(changes: readonly JobChangeRow[], openUpTo: number): PlanSegment[] {
  const segments = changes.flatMap((change, i): PlanSegment[] => {
    if (change.first === null) return [];
    const first = change.first.getTime();
    const upTo = changes[i + 1]?.servedUpTo?.getTime() ?? openUpTo;
    return [{ first, upTo, schedule: change.scheduleSpec, computable: isComputable(change, first) }];
  });
  return segments.sort((a, b) => a.first - b.first);
}

/** Whether the instants of a plan that begins with `first` can still be computed. */
export function isComputable(
  { rulesVersion, scheduleSpec }: Pick<JobChangeRow, "rulesVersion" | "scheduleSpec">,
  first: number,
): boolean {
  if (rulesVersion < SAME_INSTANTS_SINCE || rulesVersion > RULES_VERSION) return false;
  try {
    return nextRun(scheduleSpec, first - 1) !== null;
  } catch {
    return false;
  }
}

/**
 * The instants of computable segments that are not before `from`, ascending, each once. Segments overlap where a
 * clock went back.
 */
export function* plannedInstants(segments: readonly PlanSegment[], from = 0): Generator<number> {
  const waiting = segments.filter(({ computable, upTo }) => computable && upTo >= from);
  const open: { at: number; segment: PlanSegment }[] = [];
  const goOn = (segment: PlanSegment, after: number): void => {
    const at = nextFound(segment.schedule, after);
    if (at !== null && at <= segment.upTo) open.push({ at, segment });
  };
  while (true) {
    let next = Math.min(...open.map(({ at }) => at));
    for (let segment = waiting[0]; segment && segment.first <= next; segment = waiting[0]) {
      waiting.shift();
      goOn(segment, Math.max(segment.first, from) - 1);
      next = Math.min(...open.map(({ at }) => at));
    }
    if (open.length === 0) return;
    yield next;
    for (let i = open.length - 1; i >= 0; i--) {
      const { at, segment } = open[i] as (typeof open)[number];
      if (at > next) continue;
      open.splice(i, 1);
      goOn(segment, next);
    }
  }
}

/** The instants that a range of misfires stands for, not before `from`: those of the plan that gave it out. */
export function* instantsOfRange(
  segments: readonly PlanSegment[],
  range: { from: number; until: number },
  from = range.from,
): Generator<number> {
  const within = segments.filter((s) => s.computable && s.first <= range.from && range.from <= s.upTo);
  const segment = within.findLast(({ schedule }) => nextFound(schedule, range.from - 1) === range.from);
  if (!segment) {
    // Its time zone is gone: there is nothing to expand it with.
    if (range.from >= from) yield range.from;
    return;
  }
  let at = nextFound(segment.schedule, Math.max(range.from, from) - 1);
  while (at !== null && at <= range.until) {
    yield at;
    at = nextFound(segment.schedule, at);
  }
}
