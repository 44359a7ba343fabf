import type { AttemptRow, CallRecord, History, JobRow, LedgerRow, Policies, Violation } from "./history.ts";
import { isApplied } from "./oracle.ts";

/** Between a transaction's first and second look at the clock. */
const CLOCK_SLACK_MS = 1_000;

/** What has to hold in the ledger by itself: ends, attempts, counts, limits, misfires. */
export function checkRows({ calls, rows, attempts, jobs }: History): Violation[] {
  const violations: Violation[] = [];
  const add = (rule: string, what: string): void => void violations.push({ rule, what });
  const attemptsOf = Map.groupBy(attempts, (attempt) => attempt.executionId);
  const rowsOf = Map.groupBy(rows, (row) => row.jobId);
  const policiesOf = jobPolicies(calls);

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
    checkAttempts(row, attemptsOf.get(row.id) ?? [], policiesOf.get(row.jobId), add);
    const policies = policiesOf.get(row.jobId);
    if (policies && row.trigger === "schedule") checkMisfire(row, policies, add);
  }
  for (const job of jobs) checkCounts(job, rowsOf.get(job.id) ?? [], add);
  return violations;
}

/** Policies by the id of the job. They never change. */
export function jobPolicies(calls: readonly CallRecord[]): Map<string, Policies> {
  return new Map(
    calls.flatMap((record) => {
      const { call, answer } = record;
      return call.op === "create" && isApplied(record) && answer !== null ? [[answer.id, call.wish] as const] : [];
    }),
  );
}

type Add = (rule: string, what: string) => void;

function checkAttempts(row: LedgerRow, earlier: readonly AttemptRow[], policies: Policies | undefined, add: Add): void {
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
  const lost = sorted.find(({ outcome }) => outcome === "lost");
  if (lost && policies?.delivery === "at_most_once") {
    add("at most once", `execution ${row.id} was given attempt ${lost.attempt + 1} after a lost one`);
  }
}

function checkMisfire(row: LedgerRow, { misfire }: Policies, add: Add): void {
  const lateness = row.createdAt - row.scheduledFor;
  if (row.skipReason === "misfire") {
    const least = row.createdAt - row.scheduledUntil;
    if (least <= misfire.grace_ms - CLOCK_SLACK_MS)
      add(
        "misfire",
        `execution ${row.id} was skipped though only ${least} ms late, the grace is ${misfire.grace_ms} ms`,
      );
  } else if (misfire.policy === "skip" && lateness > misfire.grace_ms + CLOCK_SLACK_MS) {
    add(
      "misfire",
      `execution ${row.id} was not skipped though ${lateness} ms late, the grace is ${misfire.grace_ms} ms`,
    );
  }
}

function checkCounts(job: JobRow, rows: readonly LedgerRow[], add: Add): void {
  const runs = rows.filter(({ status }) => status !== "skipped").length;
  if (runs !== job.runCount) add("run count", `job ${job.id} has run_count ${job.runCount}, the ledger has ${runs}`);
  if (job.maxRuns > 0 && runs > job.maxRuns) add("max runs", `job ${job.id} had ${runs} of ${job.maxRuns} runs`);
  if (job.pausedReason !== null) add("parked", `job ${job.id} was paused by itself: ${job.pausedReason}`);
}
