import type { CallRecord, History, JobRow, LedgerRow, Violation } from "./history.ts";

/** Between the instant that a pause writes down, or a verdict, and its commit. */
const COMMIT_MS = 3_000;
/** Between the moment that a verdict writes down and its commit, where it has to wait for a job's row. */
const VERDICT_MS = 900;
/** The pause itself had committed, whatever it had to wait for. */
const COMMITTED_MS = 10_000;
/** Failures are looked at every second; after this long somebody has done so, whoever was hurt meanwhile. */
const LOOKED_AT_MS = 30_000;

/**
 * The history with the pauses that Belfry made by itself among the calls, as if the client had made them. When they
 * were is what the ledger's word is taken for; whether they were right is for `checkAutoPause` to say.
 */
export function withAutoPauses(history: History): History {
  const ordinalOf = new Map(
    history.calls.flatMap(({ job, answer, call }) =>
      call.op === "create" && answer ? [[answer.id, job] as const] : [],
    ),
  );
  const pauses = history.jobs.flatMap(({ id, autoPausedAt: at }): CallRecord[] => {
    const job = ordinalOf.get(id);
    if (at === null || job === undefined) return [];
    const updated_at = new Date(at).toISOString();
    return [
      {
        job,
        call: { op: "pause" },
        invokedAt: at,
        returnedAt: at + COMMITTED_MS,
        status: 200,
        unknownTries: 0,
        answer: { id, status: "paused", enabled: true, next_run: null, created_at: updated_at, updated_at },
        executionId: null,
        settledAt: null,
      },
    ];
  });
  return { ...history, calls: [...history.calls, ...pauses] };
}

/** A job is paused after so many failures in a row, with the reason on it, and not before. */
export function checkAutoPause({ jobs, rows, endedAt }: History): Violation[] {
  const rowsOf = Map.groupBy(rows, (row) => row.jobId);
  return jobs.flatMap((job) => {
    if (job.autoPauseAfter === 0) return [];
    const ended = (rowsOf.get(job.id) ?? []).filter(({ status }) => status !== "skipped");
    const what = job.autoPausedAt === null ? notPaused(job, ended, endedAt) : wronglyPaused(job, ended);
    return what === null ? [] : [{ rule: "auto-pause", what: `job ${job.id} ${what}` }];
  });
}

function notPaused({ autoPauseAfter }: JobRow, ended: readonly LedgerRow[], now: number): string | null {
  const old = ended.filter(({ completedAt }) => (completedAt ?? now) < now - LOOKED_AT_MS);
  const isFailing = old.length >= autoPauseAfter && ended.every(({ status }) => status === "failed");
  return isFailing ? `is not paused, though all of its ${ended.length} executions have failed` : null;
}

function wronglyPaused(job: JobRow, ended: readonly LedgerRow[]): string | null {
  if (!job.pausedReason?.startsWith("auto_pause_after")) return `is paused, the reason is ${job.pausedReason}`;
  const at = job.autoPausedAt as number;
  const moments = [at, ...ended.map(({ completedAt }) => completedAt ?? 0)].filter(
    (t) => Math.abs(t - at) <= COMMIT_MS,
  );
  const newestFirst = [...ended].sort((a, b) => b.scheduledFor - a.scheduledFor);
  const isRight = moments.some((moment) => {
    // Of two verdicts the one that says the earlier moment may have been committed later.
    const seen = newestFirst.filter(
      ({ completedAt, status }) =>
        completedAt !== null && completedAt <= (status === "failed" ? moment : moment - VERDICT_MS),
    );
    const last = seen.slice(0, job.autoPauseAfter);
    return last.length === job.autoPauseAfter && last.every(({ status }) => status === "failed");
  });
  return isRight ? null : `was paused before ${job.autoPauseAfter} in a row had failed`;
}
