import type { AttemptRow, History, LedgerRow, Violation } from "./history.ts";
import { policyTerms } from "./policy-terms.ts";
import { findStops, type Stop } from "./stops.ts";

/** A verdict counts from its commit, which is later than the instant that it writes down. */
const COMMIT_SLACK_MS = 10_000;

/** What is open this long after another was admitted was open, and counted, when that happened. */
const ADMISSION_MS = 6_000;

/**
 * At no time do more executions of a job run than its policy allows, nor do more wait; and none is skipped for overlap
 * where it had a place. What was admitted under another policy is not held against the present one.
 */
export function checkOverlap(history: History): Violation[] {
  const { calls, rows, attempts } = history;
  const violations: Violation[] = [];
  const add = (what: string): void => void violations.push({ rule: "overlap", what });
  const rowsOf = Map.groupBy(rows, (row) => row.jobId);
  const attemptsOf = Map.groupBy(attempts, (attempt) => attempt.executionId);
  const stopsOf = findStops(history);
  for (const [jobId, terms] of policyTerms(calls)) {
    const ofJob = rowsOf.get(jobId) ?? [];
    const mostAttempts = Math.max(...terms.map(({ policies }) => policies.retry.attempts));
    for (const { from, until, policies } of terms) {
      const { policy, max_instances, max_queued } = policies.overlap;
      if (policy === "allow") continue;
      const ofTerm = ofJob.filter(({ createdAt }) => createdAt >= from && createdAt <= until);
      const intervals = ofTerm.flatMap((row) => intervalsOf(row, attemptsOf.get(row.id) ?? []));
      // What waits when the policy is changed goes by the new one.
      const most = mostAtOnce(intervals.filter((interval) => interval.from <= until));
      if (most.count > max_instances)
        add(
          `job ${jobId} (${policy}): ${most.count} at once at ${new Date(most.at).toISOString()}, at most ${max_instances}: ${most.ids.join(" ")}`,
        );
      if (policy === "cancel_running") continue;
      const places = policy === "skip" ? max_instances : max_queued;
      const stops = stopsOf.get(jobId) ?? [];
      for (const [id, open] of needlessSkips(ofTerm, ofJob, places, mostAttempts, stops))
        add(`job ${jobId} (${policy}): execution ${id} was skipped for overlap, open were ${open} of ${places}`);
      const room = policy === "skip" ? max_instances : max_instances + max_queued;
      for (const [id, open] of tooManyOpen(ofTerm, room))
        add(`job ${jobId} (${policy}): execution ${id} was admitted as one of ${open} open ones, at most ${room}`);
    }
  }
  return violations;
}

function intervalsOf(row: LedgerRow, earlier: readonly AttemptRow[]): Interval[] {
  const intervals = earlier.map(({ startedAt, endedAt }) => ({ from: startedAt, to: endedAt, id: row.id }));
  if (row.startedAt === null) return intervals;
  return [...intervals, { from: row.startedAt, to: row.completedAt ?? Number.POSITIVE_INFINITY, id: row.id }];
}

/** What was skipped in the very transaction that wrote it. */
const isBornSkipped = ({ skipReason, startedAt, completedAt, createdAt }: LedgerRow): boolean =>
  (skipReason === "misfire" || skipReason === "overlap") && startedAt === null && (completedAt ?? 0) - createdAt < 1;

function tooManyOpen(rows: readonly LedgerRow[], room: number): [id: string, open: number][] {
  const admitted = rows.filter((row) => !isBornSkipped(row)).sort((a, b) => a.createdAt - b.createdAt);
  const found: [string, number][] = [];
  let open: LedgerRow[] = [];
  for (const row of admitted) {
    open = open.filter(({ completedAt }) => completedAt === null || completedAt > row.createdAt + ADMISSION_MS);
    open.push(row);
    if (open.length > room) found.push([row.id, open.length]);
  }
  return found;
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

/** `rows` are those of which one may be in question, `all` those of the job, `places` what has to be taken for a skip. */
function needlessSkips(
  rows: readonly LedgerRow[],
  all: readonly LedgerRow[],
  places: number,
  mostAttempts: number,
  stops: readonly Stop[],
): [id: string, open: number][] {
  /** One that waited for another attempt when the job was stopped ends when its last attempt did, which was earlier. */
  const openUntil = ({ status, attempt, completedAt }: LedgerRow): number => {
    if (completedAt === null) return Number.POSITIVE_INFINITY;
    const stop = stops.find(({ from }) => from >= completedAt);
    return status === "failed" && attempt < mostAttempts && stop ? stop.from : completedAt;
  };
  // What a pause took back in the very transaction that wrote it has had its place as well.
  const lived = all.filter((row) => !isBornSkipped(row));
  return rows.flatMap((row) => {
    if (row.skipReason !== "overlap" || !isBornSkipped(row)) return [];
    const at = row.createdAt;
    const open = lived.filter((other) => other.createdAt <= at && openUntil(other) >= at - COMMIT_SLACK_MS).length;
    return open >= places ? [] : [[row.id, open] as [string, number]];
  });
}
