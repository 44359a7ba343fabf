import { jobPolicies } from "./check-rows.ts";
import type { History, LedgerRow, Violation } from "./history.ts";

/** A verdict counts from its commit, which is later than the instant that it writes down. */
const COMMIT_SLACK_MS = 10_000;

/** At no time do more executions of a job run than its policy allows; and none is skipped for overlap where none was open. */
export function checkOverlap({ calls, rows, attempts }: History): Violation[] {
  const violations: Violation[] = [];
  const rowsOf = Map.groupBy(rows, (row) => row.jobId);
  const attemptsOf = Map.groupBy(attempts, (attempt) => attempt.executionId);
  for (const [jobId, { overlap }] of jobPolicies(calls)) {
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
    if (overlap.policy === "skip") violations.push(...needlessSkips(jobId, ofJob, overlap.max_instances));
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

function needlessSkips(jobId: string, rows: readonly LedgerRow[], maxInstances: number): Violation[] {
  const isBornSkipped = (row: LedgerRow): boolean =>
    row.status === "skipped" &&
    row.skipReason !== "check_declined" &&
    row.startedAt === null &&
    row.completedAt !== null &&
    row.completedAt - row.createdAt < 1;
  const lived = rows.filter((row) => !isBornSkipped(row));
  return rows
    .filter((row) => row.skipReason === "overlap" && isBornSkipped(row))
    .flatMap((row) => {
      const open = lived.filter(
        (other) =>
          other.createdAt <= row.createdAt &&
          (other.completedAt ?? Number.POSITIVE_INFINITY) >= row.createdAt - COMMIT_SLACK_MS,
      );
      if (open.length >= maxInstances) return [];
      return [
        {
          rule: "overlap",
          what: `job ${jobId}: execution ${row.id} was skipped for overlap, open were ${open.length} of ${maxInstances}`,
        },
      ];
    });
}
