import type { MisfirePolicy } from "@belfry/contract/policies.ts";
import type { InstantsSchedule } from "./instants.ts";
import { nextFound } from "./next-run.ts";
import { type PlannedOccurrence, planOccurrences } from "./plan-occurrences.ts";
import type { Schedule } from "./schedule.ts";

export type OutageOptions = {
  /** The first instant at which nothing was planned any more … */
  from: number;
  /** … and the one at which the scheduler is back. */
  to: number;
  misfire: MisfirePolicy;
  /** Runs that the job may still have when the outage begins; endless unless given. */
  runsLeft?: number;
  /** Asked before each occurrence: what was found up to then is the answer once it says no. */
  mayGoOn?: () => boolean;
};

/** `runs on time` is what is due at the very end of the outage. */
export type OutageVerdict = "runs on time" | "runs late" | "skipped (misfire)";

/** One row of the ledger: an occurrence, or a range of so many of them from `scheduledFor` to `until`. */
export type OutageRow = { scheduledFor: number; until: number; count: number; verdict: OutageVerdict };

export type OutageOutcome = {
  rows: OutageRow[];
  runs: number;
  skipped: number;
  /** The first occurrence after the outage, or null. */
  next: number | null;
  /** False if there was more to plan than a simulation looks at, or may: the rows are the first ones then, and `next` is where they end. */
  isComplete: boolean;
};

/** As many as one sweep looks at; more than `max_runs` of a misfire policy can be. */
const SWEEP = 2_000;
/** More than one a second for a day. */
const MAX_SWEEPS = 50;

/**
 * "Down from 02:00 to 05:00: what runs at 05:00?" What the scheduler writes when it is back, by the code that it uses for that.
 * Start delays are not counted: they come on top.
 */
export function simulateOutage(
  schedule: Schedule,
  { from, to, misfire, runsLeft = Infinity, mayGoOn = () => true }: OutageOptions,
): OutageOutcome {
  const outcome: OutageOutcome = {
    rows: [],
    runs: 0,
    skipped: 0,
    next: nextFound(schedule, from - 1),
    isComplete: true,
  };
  for (let sweep = 0; outcome.next !== null && outcome.next <= to; sweep++) {
    const due = sweep === MAX_SWEEPS ? null : dueIn(schedule, outcome.next, to, mayGoOn);
    if (due === null) return { ...outcome, isComplete: false };
    const options = { from: outcome.next, now: to, runsLeft: runsLeft - outcome.runs, limit: SWEEP, misfire };
    const plan = planOccurrences(due, options);
    for (const occurrence of plan.occurrences) addRow(outcome, occurrence, to);
    outcome.next = plan.next;
  }
  return outcome;
}

/** What a sweep looks at, and the one after it, so that each of them is searched for once. Null if it was told to stop. */
function dueIn(schedule: Schedule, first: number, to: number, mayGoOn: () => boolean): InstantsSchedule | null {
  const at = [first];
  for (let last = first; last <= to && at.length <= SWEEP; ) {
    if (!mayGoOn()) return null;
    const next = nextFound(schedule, last);
    if (next === null) break;
    at.push(next);
    last = next;
  }
  return { type: "instants", at };
}

function addRow(outcome: OutageOutcome, { scheduledFor, until, count, skip }: PlannedOccurrence, to: number): void {
  if (skip === null) {
    outcome.runs += count;
    outcome.rows.push({ scheduledFor, until, count, verdict: scheduledFor === to ? "runs on time" : "runs late" });
    return;
  }
  outcome.skipped += count;
  outcome.rows.push({ scheduledFor, until, count, verdict: "skipped (misfire)" });
}
