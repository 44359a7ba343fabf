import { jobPolicies } from "./check-rows.ts";
import type { History, LedgerRow, Policies, Violation } from "./history.ts";
import { findStops, type Stop } from "./stops.ts";

/** A verdict counts from its commit, which is later than the instant that it writes down. */
const COMMIT_SLACK_MS = 10_000;

/** At no time do more executions of a job run than its policy allows; and none is skipped for overlap where none was open. */
export function checkOverlap(history: History): Violation[] {
  const { calls, rows, attempts } = history;
  const violations: Violation[] = [];
  const rowsOf = Map.groupBy(rows, (row) => row.jobId);
  const attemptsOf = Map.groupBy(attempts, (attempt) => attempt.executionId);
  const stopsOf = findStops(history);
  for (const [jobId, policies] of jobPolicies(calls)) {
    const { overlap } = policies;
    if (overlap.policy === "allow") continue;
    const ofJob = rowsOf.get(jobId) ?? [];
    const intervals = ofJob.flatMap((row) => [
      ...(attemptsOf.get(row.id) ?? []).map(({ startedAt, endedAt }) => ({ from: startedAt, to: endedAt, id: row.id })),
      ...(row.startedAt === null
        ? []
        : [{ from: row.startedAt, to: row.completedAt ?? Number.POSITIVE_INFINITY, id: row.id }]),
    ]);
    const most = mostAtOnce(intervals);
    if (most.count > overlap.max_instances) {
      const what = `job ${jobId} (${overlap.policy}): ${most.count} at once at ${new Date(most.at).toISOString()}, at most ${overlap.max_instances}: ${most.ids.join(" ")}`;
      violations.push({ rule: "overlap", what });
    }
    if (overlap.policy === "skip") violations.push(...needlessSkips(jobId, ofJob, policies, stopsOf.get(jobId) ?? []));
  }
  return violations;
}

type Interval = { from: number; to: number; id: string };

function mostAtOnce(intervals: readonly Interval[]): { count: number; at: number; ids: string[] } {
  const events = intervals.flatMap(({ from, to, id }) => [
    { at: from, id, begins: true },
    { at: to, id, begins: false },
  ]);
  // What ends at the instant at which another begins does not overlap it.
  events.sort((a, b) => a.at - b.at || Number(a.begins) - Number(b.begins));
  const open: string[] = [];
  let most = { count: 0, at: 0, ids: [] as string[] };
  for (const { at, id, begins } of events) {
    if (begins) open.push(id);
    else if (open.includes(id)) open.splice(open.indexOf(id), 1);
    if (open.length > most.count) most = { count: open.length, at, ids: [...open] };
  }
  return most;
}

function needlessSkips(
  jobId: string,
  rows: readonly LedgerRow[],
  { overlap, retry }: Policies,
  stops: readonly Stop[],
): Violation[] {
  // What a pause took back in the very transaction that wrote it has had its place as well.
  const isBornSkipped = ({ skipReason, startedAt, completedAt, createdAt }: LedgerRow): boolean =>
    (skipReason === "misfire" || skipReason === "overlap") && startedAt === null && (completedAt ?? 0) - createdAt < 1;
  /** One that waited for another attempt when the job was stopped ends when its last attempt did, which was earlier. */
  const openUntil = ({ status, attempt, completedAt }: LedgerRow): number => {
    if (completedAt === null) return Number.POSITIVE_INFINITY;
    const stop = stops.find(({ from }) => from >= completedAt);
    return status === "failed" && attempt < retry.attempts && stop ? stop.from : completedAt;
  };
  const lived = rows.filter((row) => !isBornSkipped(row));
  return rows.flatMap((row) => {
    if (row.skipReason !== "overlap" || !isBornSkipped(row)) return [];
    const at = row.createdAt;
    const open = lived.filter((other) => other.createdAt <= at && openUntil(other) >= at - COMMIT_SLACK_MS).length;
    if (open >= overlap.max_instances) return [];
    const what = `job ${jobId}: execution ${row.id} was skipped for overlap, open were ${open} of ${overlap.max_instances}`;
    return [{ rule: "overlap", what }];
  });
}
