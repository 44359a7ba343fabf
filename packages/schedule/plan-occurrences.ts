import type { MisfirePolicy } from "@belfry/contract/policies.ts";
import type { SkipReason } from "@belfry/contract/states.ts";
import { nextFound } from "./next-run.ts";
import type { Schedule } from "./schedule.ts";

/** After an outage so many misfires of a job get a row each; those beyond are counted in one row. */
const SINGLE_MISFIRES = 60;

/** What becomes of an occurrence, or of a range of them that all misfired. Instants in milliseconds. */
export type PlannedOccurrence = {
  scheduledFor: number;
  /** Why it is not to be run; null if it is. */
  skip: Extract<SkipReason, "misfire"> | null;
  /** The last instant of the range, and how many occurrences it stands for: `scheduledFor` itself and 1, but for a range. */
  until: number;
  count: number;
};

export type Plan = {
  /** In order, each occurrence once. */
  occurrences: PlannedOccurrence[];
  /**
   * The first occurrence that is not among them; null if there is none, or no run is left for it. Also if it is not found out in
   * bounded time whether there is one: what was due is planned all the same, and the job is paused when it would be completed.
   */
  next: number | null;
};

export type PlanOptions = {
  /** The first occurrence that is not in the ledger. */
  from: number;
  now: number;
  /** Runs that the job may still have: what lies beyond the last is no occurrence of it. */
  runsLeft: number;
  /** How many instants to look at: what is left then is for the next sweep. More than `misfire.max_runs` can be. */
  limit: number;
  misfire: MisfirePolicy;
};

/**
 * What becomes of a job's occurrences from `from` up to `now`: run if late by no more than the grace, otherwise run or
 * skipped as the misfire policy has it.
 */
export function planOccurrences(schedule: Schedule, options: PlanOptions): Plan {
  const { now, runsLeft, misfire } = options;
  if (runsLeft <= 0) return { occurrences: [], next: null };
  const due = dueInstants(schedule, options);
  const plan: Plan = { occurrences: [], next: due.next };
  const firstToRun = due.instants.length - countToRun(due, now, misfire);
  let runs = 0;
  for (const [i, scheduledFor] of due.instants.entries()) {
    if (i < firstToRun) {
      addMisfire(plan.occurrences, scheduledFor);
      continue;
    }
    plan.occurrences.push({ scheduledFor, skip: null, until: scheduledFor, count: 1 });
    if (++runs >= runsLeft) return { ...plan, next: null };
  }
  return plan;
}

/** `next` is what follows the instants; `hasLatest` says whether it lies in the future, so that the last of them is the latest. */
type Due = { instants: number[]; next: number | null; hasLatest: boolean };

function dueInstants(schedule: Schedule, { from, now, limit, misfire }: PlanOptions): Due {
  const instants: number[] = [];
  let next: number | null = from;
  while (next !== null && next <= now && instants.length < limit) {
    instants.push(next);
    next = nextFound(schedule, next);
  }
  const hasLatest = next === null || next > now;
  if (hasLatest || misfire.policy !== "run_all" || !allMissed(instants, now, misfire))
    return { instants, next, hasLatest };
  // More than could be looked at, and all too late: whether the last ones are among those that `run_all` still runs is
  // seen the next time.
  const certain = Math.max(1, instants.length - misfire.max_runs);
  return { instants: instants.slice(0, certain), next: instants[certain] ?? next, hasLatest };
}

const allMissed = (instants: number[], now: number, { grace_ms }: MisfirePolicy): boolean =>
  now - (instants.at(-1) as number) > grace_ms;

/** How many of the instants run: always the last ones. */
function countToRun({ instants, hasLatest }: Due, now: number, misfire: MisfirePolicy): number {
  const noLaterThan = (lateness: number): number => instants.filter((at) => now - at <= lateness).length;
  const inGrace = noLaterThan(misfire.grace_ms);
  const latestMissed = hasLatest || inGrace > 0 ? instants.length - inGrace : 0;
  switch (misfire.policy) {
    case "skip":
      return inGrace;
    case "run_once":
      return inGrace === 0 && latestMissed > 0 ? 1 : inGrace;
    case "run_all": {
      const youngEnough = Math.max(0, noLaterThan(misfire.max_age_ms) - inGrace);
      return inGrace + Math.min(misfire.max_runs, youngEnough, latestMissed);
    }
    default:
      throw new Error(`unknown misfire policy ${JSON.stringify(misfire.policy satisfies never)}`);
  }
}

/** Misfires come first and in order: the one after the last single one begins a range, and the others extend it. */
function addMisfire(occurrences: PlannedOccurrence[], scheduledFor: number): void {
  const range = occurrences[SINGLE_MISFIRES];
  if (range) {
    range.until = scheduledFor;
    range.count++;
  } else {
    occurrences.push({ scheduledFor, skip: "misfire", until: scheduledFor, count: 1 });
  }
}
