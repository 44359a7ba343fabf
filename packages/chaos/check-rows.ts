import type { AttemptRow, History, JobRow, LedgerRow, Violation } from "./history.ts";
import { type PolicyTerm, policiesAt, policyTerms } from "./policy-terms.ts";

/** What kills its workers so many times fails. */
const MAX_LOST = 3;

/** What has to hold in the ledger by itself: ends, attempts, counts, limits. */
export function checkRows({ calls, rows, attempts, jobs }: History): Violation[] {
  const violations: Violation[] = [];
  const add = (rule: string, what: string): void => void violations.push({ rule, what });
  const attemptsOf = Map.groupBy(attempts, (attempt) => attempt.executionId);
  const rowsOf = Map.groupBy(rows, (row) => row.jobId);
  const termsOf = policyTerms(calls);

  for (const row of rows) {
    if (row.status === "pending" || row.status === "running" || row.completedAt === null) {
      add(
        "not final",
        `execution ${row.id} of job ${row.jobId} is ${row.status}, attempt ${row.attempt}, dispatch ${row.dispatch}`,
      );
    }
    // Not `createdAt`: a call that serves what is due looks at the clock after its transaction has begun.
    if (row.startedAt !== null && row.startedAt < row.scheduledFor - 1)
      add("early", `execution ${row.id} was started before its time`);
    checkAttempts(row, attemptsOf.get(row.id) ?? [], termsOf.get(row.jobId), add);
  }
  for (const job of jobs) checkCounts(job, rowsOf.get(job.id) ?? [], add);
  return violations;
}

type Add = (rule: string, what: string) => void;

function checkAttempts(
  row: LedgerRow,
  earlier: readonly AttemptRow[],
  terms: readonly PolicyTerm[] | undefined,
  add: Add,
): void {
  const sorted = [...earlier].sort((a, b) => a.attempt - b.attempt);
  const numbers = sorted.map(({ attempt }) => attempt);
  const expected = Array.from({ length: row.attempt - 1 }, (_, i) => i + 1);
  if (numbers.join() !== expected.join()) {
    add("attempts", `execution ${row.id} is at attempt ${row.attempt} and has records of [${numbers}]`);
  }
  const starts = [...sorted.map(({ startedAt }) => startedAt), ...(row.startedAt === null ? [] : [row.startedAt])];
  for (const [i, { endedAt, attempt }] of sorted.entries()) {
    const next = starts[i + 1];
    if (next !== undefined && next < endedAt) {
      add("attempts", `execution ${row.id} began attempt ${attempt + 1} before attempt ${attempt} had ended`);
    }
  }
  const lost = sorted.filter(({ outcome }) => outcome === "lost");
  for (const { attempt, endedAt } of lost) {
    if (policiesAt(terms, endedAt)?.delivery === "at_most_once")
      add("at most once", `execution ${row.id} was given attempt ${attempt + 1} after a lost one`);
  }
  if (lost.length >= MAX_LOST)
    add("lost too often", `execution ${row.id} was given attempt ${row.attempt} after ${lost.length} lost ones`);
}

function checkCounts(job: JobRow, rows: readonly LedgerRow[], add: Add): void {
  const runs = rows.filter(({ status }) => status !== "skipped").length;
  if (runs !== job.runCount) add("run count", `job ${job.id} has run_count ${job.runCount}, the ledger has ${runs}`);
  if (job.maxRuns > 0 && runs > job.maxRuns) add("max runs", `job ${job.id} had ${runs} of ${job.maxRuns} runs`);
  if (job.pausedReason !== null && job.autoPausedAt === null)
    add("parked", `job ${job.id} was paused by itself: ${job.pausedReason}`);
}
