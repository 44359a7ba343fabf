import type { History, LedgerRow, Violation } from "./history.ts";
import { type Expectation, expectOccurrences, type Segment } from "./oracle.ts";

/** What became of what was planned: single occurrences, of which ranges stand for several. */
export type PlanCheck = {
  violations: Violation[];
  /** Occurrences that had to be there. */
  planned: number;
  /** Occurrences in the ledger that lie so close to a change that they might also not be there. */
  uncertain: number;
  /** Occurrences that had to be there but for the limit of runs, which was reached. */
  beyondLimit: number;
};

/** Compares the plan by the client's log with the scheduled occurrences of the ledger, job by job, as sets. */
export function checkPlan(history: History): PlanCheck {
  const rowsOf = Map.groupBy(history.rows, (row) => row.jobId);
  const total: PlanCheck = { violations: [], planned: 0, uncertain: 0, beyondLimit: 0 };
  for (const records of Map.groupBy(history.calls, (record) => record.job).values()) {
    const jobId = records.find(({ call }) => call.op === "create")?.answer?.id;
    if (jobId === undefined) continue;
    const rows = rowsOf.get(jobId) ?? [];
    const scheduled = rows
      .filter(({ trigger }) => trigger === "schedule")
      .sort((a, b) => a.scheduledFor - b.scheduledFor);
    const firstAfter = (instant: number): number | null =>
      scheduled.find(({ scheduledFor }) => scheduledFor > instant)?.scheduledFor ?? null;
    compare(jobId, expectOccurrences(records, history.endedAt, firstAfter), rows, scheduled, total);
  }
  return total;
}

function compare(
  jobId: string,
  { segments, may, loose }: Expectation,
  rows: readonly LedgerRow[],
  scheduled: readonly LedgerRow[],
  total: PlanCheck,
): void {
  const must = new Set(segments.flatMap((segment) => segment.must));
  const all = [...must.union(may)].sort((a, b) => a - b);
  const isLoose = (at: number): boolean => loose.some(({ after, upTo }) => at > after && at <= upTo);
  const found = new Set<number>();
  const add = (rule: string, what: string): void => void total.violations.push({ rule, what: `job ${jobId}: ${what}` });

  for (const row of scheduled) {
    const instants = expand(row, all);
    if (instants.length !== row.occurrences && !isLoose(row.scheduledFor) && !isLoose(row.scheduledUntil)) {
      add("range", `row ${row.id} stands for ${row.occurrences} occurrences, planned were ${instants.length}`);
    }
    for (const at of instants) {
      if (found.has(at)) add("duplicate", `${iso(at)} is there twice`);
      found.add(at);
      if (must.has(at)) continue;
      if (may.has(at) || isLoose(at)) total.uncertain++;
      else add("unplanned", `${iso(at)} was never planned (${row.status}, written ${iso(row.createdAt)})`);
    }
  }
  total.planned += must.size;
  for (const segment of segments) {
    const firstMissing = segment.must.findIndex((at) => !found.has(at));
    if (firstMissing < 0) continue;
    const missing = segment.must.filter((at) => !found.has(at));
    const isTail = segment.must.length - firstMissing === missing.length;
    if (isTail && ranOut(segment, missing[0] as number, rows)) total.beyondLimit += missing.length;
    else {
      add(
        "lost",
        `${missing.length} of ${segment.must.length} occurrences, first ${iso(missing[0] as number)}, last ${iso(missing.at(-1) as number)}`,
      );
    }
  }
}

/** The occurrences that a row stands for: those of a range are the planned ones that lie in it. */
function expand(row: LedgerRow, planned: readonly number[]): number[] {
  if (row.occurrences === 1) return [row.scheduledFor];
  return planned.filter((at) => at >= row.scheduledFor && at <= row.scheduledUntil);
}

/** Whether the job had given out all the runs that it may have, at some time after the plan stopped and before it ended. */
function ranOut({ maxRuns, endedBy }: Segment, stoppedAt: number, rows: readonly LedgerRow[]): boolean {
  if (maxRuns === 0) return false;
  const moments = [stoppedAt, endedBy, ...rows.map(({ createdAt }) => createdAt)];
  return moments.some((at) => at >= stoppedAt && at <= endedBy && givenOut(rows, at) >= maxRuns);
}

const givenOut = (rows: readonly LedgerRow[], at: number): number =>
  rows.filter((row) => row.createdAt <= at && !(row.status === "skipped" && (row.completedAt ?? 0) <= at)).length;

const iso = (at: number): string => new Date(at).toISOString();
