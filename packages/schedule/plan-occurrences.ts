import type { SkipReason } from "@belfry/contract/states.ts";
import { nextRun } from "./next-run.ts";
import type { Schedule } from "./schedule.ts";

/** An occurrence that is late by no more than this simply runs late. */
export const MISFIRE_GRACE_MS = 60_000;

export type Plan = {
  /** In order, each at most once. */
  occurrences: { scheduledFor: number; skip: SkipReason | null }[];
  /** How many of them are to be run. */
  runs: number;
  /** The first occurrence that is not among them; null if there is none, or no run is left for it. */
  nextRun: number | null;
};

/**
 * What becomes of a job's occurrences from `nextRun` up to `now`, at most `limit` of them: run if late by no more than
 * the grace, or if it is the latest, so that an outage is made up for once and not by a storm; otherwise skipped as
 * `misfire`. Ends where `runsLeft` are given out: what lies beyond is no occurrence of this job. Instants in milliseconds.
 */
export function planOccurrences(
  schedule: Schedule,
  { nextRun: first, now, runsLeft, limit }: { nextRun: number; now: number; runsLeft: number; limit: number },
): Plan {
  const plan: Plan = { occurrences: [], runs: 0, nextRun: first };
  while (plan.nextRun !== null && plan.nextRun <= now && plan.occurrences.length < limit) {
    const scheduledFor: number = plan.nextRun;
    const following = nextRun(schedule, scheduledFor);
    const isLatest = following === null || following > now;
    const runs = now - scheduledFor <= MISFIRE_GRACE_MS || isLatest;
    plan.occurrences.push({ scheduledFor, skip: runs ? null : "misfire" });
    if (runs) plan.runs++;
    plan.nextRun = plan.runs >= runsLeft ? null : following;
  }
  return plan;
}
