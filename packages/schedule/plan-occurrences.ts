import type { SkipReason } from "@belfry/contract/states.ts";
import { nextRun } from "./next-run.ts";
import type { Schedule } from "./schedule.ts";

/** An occurrence that is late by no more than this simply runs late. */
export const MISFIRE_GRACE_MS = 60_000;

/** After an outage so many misfires of a job get a row each; those beyond are counted in one row. */
const SINGLE_MISFIRES = 60;

/** What becomes of an occurrence, or of a range of them that all misfired. Instants in milliseconds. */
export type PlannedOccurrence = {
  scheduledFor: number;
  /** Why it is not to be run; null if it is. */
  skip: SkipReason | null;
  /** The last instant of the range, and how many occurrences it stands for: `scheduledFor` itself and 1, but for a range. */
  until: number;
  count: number;
};

export type Plan = {
  /** In order, each occurrence once. */
  occurrences: PlannedOccurrence[];
  /** How many of them are to be run. */
  runs: number;
  /** The first occurrence that is not among them; null if there is none, or no run is left for it. */
  next: number | null;
};

export type PlanOptions = {
  /** The first occurrence that is not in the ledger. */
  from: number;
  now: number;
  /** Runs that the job may still have: what lies beyond the last is no occurrence of it. */
  runsLeft: number;
  /** How many instants to look at: what is left then is for the next sweep. */
  limit: number;
};

/**
 * What becomes of a job's occurrences from `from` up to `now`: run if late by no more than the grace, or if it is the
 * latest, so that an outage is made up for once and not by a storm; otherwise skipped as `misfire`.
 */
export function planOccurrences(schedule: Schedule, { from, now, runsLeft, limit }: PlanOptions): Plan {
  const plan: Plan = { occurrences: [], runs: 0, next: from };
  for (let looked = 0; looked < limit && plan.next !== null && plan.next <= now && plan.runs < runsLeft; looked++) {
    const scheduledFor = plan.next;
    const following = nextRun(schedule, scheduledFor);
    const isLatest = following === null || following > now;
    if (now - scheduledFor <= MISFIRE_GRACE_MS || isLatest) {
      plan.occurrences.push({ scheduledFor, skip: null, until: scheduledFor, count: 1 });
      plan.runs++;
    } else {
      addMisfire(plan.occurrences, scheduledFor);
    }
    plan.next = following;
  }
  if (plan.runs >= runsLeft) plan.next = null;
  return plan;
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
