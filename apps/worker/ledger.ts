import type { Progress } from "@belfry/contract/execution.ts";
import { claimGated, leaveGates } from "@belfry/db/claim-gated.ts";
import type { Db } from "@belfry/db/client.ts";
import {
  type ClaimedExecution,
  claimExecutions,
  type FailedAttempt,
  finishExecutions,
  mayPerform,
  type Postponed,
  type Postponement,
  postponeExecutions,
  recordLost,
  retryExecution,
  unclaimExecution,
  type Verdict,
} from "@belfry/db/executions.ts";
import { validSecrets } from "@belfry/db/function-secrets.ts";
import { isRefused, isTooMuch } from "@belfry/db/pg-error.ts";
import { type ProgressNote, writeProgress } from "@belfry/db/progress.ts";
import type { Logger } from "@belfry/service/logger.ts";
import { createMicroBatch } from "@belfry/service/micro-batch.ts";
import { untilAnswered } from "./until-answered.ts";

/** One worker's hand in the ledger. Claims and verdicts of many executions travel together. */
export type Ledger = {
  /** The execution, now this worker's to run; null if it is not to be had. Throws when Postgres does not answer. */
  claim(executionId: string, attempt: number): Promise<ClaimedExecution | null>;
  /** Writes a verdict. False if the claim was lost. Comes back only with an answer: while Postgres is away it waits. */
  finish(verdict: Verdict): Promise<boolean>;
  /** Records a failed attempt and makes the next one possible. False if there is to be none. Waits as `finish` does. */
  retry(failed: FailedAttempt): Promise<boolean>;
  /** Whether the execution may go on to perform after a check that took long. */
  mayPerform(executionId: string, attempt: number): Promise<boolean>;
  /** Ends an attempt whose process has ended, as the attempts of a lost worker are ended. Waits as `finish` does. */
  lose(executionId: string, message: string): Promise<void>;
  /** Keeps how far an execution is. What cannot be written is let go: the next one says more, and the verdict the last. */
  noteProgress(executionId: string, attempt: number, progress: Progress): void;
  /** Gives a claim back of which nothing was run. False if it cannot be left to another worker. */
  unclaim(executionId: string, attempt: number): Promise<boolean>;
  /** Gives a claim back of which nothing was run and which is to start later, at the same attempt. Waits as `finish` does. */
  postpone(postponement: Postponement): Promise<Postponed>;
  /** The secrets of a function of kind http that are valid now, the newest first. Throws when Postgres does not answer. */
  secretsOf(functionId: string): Promise<string[]>;
};

/** Each may carry some hundred kilobytes of records, and a batch has a few seconds to be written. */
const MAX_BATCH = 100;
/** Two, so that what is held up by somebody's lock does not hold up all the others. */
const PARALLEL = 2;

/** `lost` is aborted when this worker no longer counts: then nothing that it holds is its own, and waiting ends. */
export function createLedger(db: Db, worker: string, log: Logger, lost: AbortSignal): Ledger {
  const claims = createMicroBatch<{ executionId: string; attempt: number }, ClaimedExecution | null>({
    maxSize: MAX_BATCH,
    parallel: PARALLEL,
    async run(wanted) {
      return handOut(wanted, await claimUnheld(wanted));
    },
  });

  // What the first claim does not get: mostly by itself, so that nothing without a limit waits for a gate's lock.
  const gatedClaims = createMicroBatch<{ executionId: string; attempt: number }, ClaimedExecution | null>({
    maxSize: MAX_BATCH,
    parallel: PARALLEL,
    async run(wanted) {
      const claimed = await claimGated(db, worker, wanted);
      for (const { executionId } of claimed) gated.add(executionId);
      return handOut(wanted, claimed);
    },
  });

  /** What runs here and has passed a gate. */
  const gated = new Set<string>();
  const leavers = createMicroBatch<string, void>({
    maxSize: MAX_BATCH,
    parallel: 1,
    async run(ended) {
      await leaveGates(db, ended);
      return ended.map(() => undefined);
    },
  });

  const verdicts = createMicroBatch<Verdict, boolean>({
    maxSize: MAX_BATCH,
    parallel: PARALLEL,
    async run(batch) {
      const written = new Set<string>();
      await answered(() =>
        writeVerdicts(
          batch.filter((v) => !written.has(v.executionId)),
          written,
        ),
      );
      return batch.map((verdict) => written.has(verdict.executionId));
    },
  });

  const permits = createMicroBatch<{ executionId: string; attempt: number }, boolean>({
    maxSize: MAX_BATCH,
    parallel: PARALLEL,
    async run(checked) {
      const permitted = await answered(() => mayPerform(db, worker, checked));
      return checked.map(({ executionId, attempt }) => permitted.get(executionId) === attempt);
    },
  });

  const postponements = createMicroBatch<Postponement, Postponed>({
    maxSize: MAX_BATCH,
    parallel: PARALLEL,
    run: (batch) => answered(() => postponeExecutions(db, worker, batch)),
  });

  const progresses = createMicroBatch<ProgressNote, void>({
    maxSize: MAX_BATCH,
    parallel: 1,
    async run(batch) {
      // The latest of each: one statement must not change a row twice.
      const latest = [...new Map(batch.map((note) => [note.executionId, note])).values()];
      await writeProgress(db, worker, latest);
      return batch.map(() => undefined);
    },
  });

  return {
    async claim(executionId, attempt) {
      const wanted = { executionId, attempt };
      return (await claims.add(wanted)) ?? gatedClaims.add(wanted);
    },
    finish: (verdict) => leaving(verdict, verdicts.add(verdict)),
    retry: (failed) =>
      leaving(
        failed,
        answered(() => writeRetry(failed)),
      ),
    mayPerform: (executionId, attempt) => permits.add({ executionId, attempt }),
    unclaim: (executionId, attempt) =>
      leaving(
        { executionId },
        answered(() => unclaimExecution(db, worker, executionId, attempt)),
      ),
    async lose(executionId, message) {
      const error = { code: "FUNCTION_CRASHED", message } as const;
      await answered(() => recordLost(db, { error, limit: 1, of: { worker, executionIds: [executionId] } }));
      leave(executionId);
    },
    noteProgress(executionId, attempt, progress) {
      progresses.add({ executionId, attempt, progress }).catch((error: unknown) => {
        log.warn({ err: error, execution_id: executionId }, "progress could not be written");
      });
    },
    secretsOf: (functionId) => validSecrets(db, functionId),
    async postpone(postponement) {
      const came = await postponements.add(postponement);
      if (came !== "lost") leave(postponement.executionId);
      return came;
    },
  };

  /**
   * Once it is written that an attempt is over, its place at a gate goes to whoever waits. Nobody waits for that here:
   * a place that nobody has given away is found by the schedulers.
   */
  async function leaving({ executionId }: { executionId: string }, written: Promise<boolean>): Promise<boolean> {
    const over = await written;
    if (over) leave(executionId);
    return over;
  }

  function leave(executionId: string): void {
    if (gated.delete(executionId))
      leavers.add(executionId).catch((err: unknown) => log.warn({ err }, "a gate was not left at once"));
  }

  /** A row that somebody holds for long keeps only itself from being claimed: it stays pending, and is published again. */
  async function claimUnheld(wanted: readonly { executionId: string; attempt: number }[]): Promise<ClaimedExecution[]> {
    try {
      return await claimExecutions(db, worker, wanted);
    } catch (error) {
      if (!isTooMuch(error)) throw error;
      log.warn({ err: error, executions: wanted.length }, "claims were held up, those that somebody holds are left");
      return claimExecutions(db, worker, wanted, { skipLocked: true });
    }
  }

  /**
   * Writes verdicts and notes in `written` which ones it has. One that Postgres refuses, or that waits for a job which
   * somebody holds, must not take the others of its batch with it: a batch that fails is written by halves.
   */
  async function writeVerdicts(batch: readonly Verdict[], written: Set<string>): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    try {
      for (const id of await finishExecutions(db, worker, batch)) written.add(id);
    } catch (error) {
      if (batch.length > 1 && (isRefused(error) || isTooMuch(error))) {
        const half = Math.ceil(batch.length / 2);
        const halves = [batch.slice(0, half), batch.slice(half)].map((part) => writeVerdicts(part, written));
        const failed = (await Promise.allSettled(halves)).find((outcome) => outcome.status === "rejected");
        if (failed) throw failed.reason;
        return;
      }
      if (!isRefused(error)) throw error;
      log.error({ err: error, execution_id: first.executionId }, "verdict could not be stored as it is");
      for (const id of await finishExecutions(db, worker, [unstorable(first)])) written.add(id);
    }
  }

  /** A failed attempt whose record Postgres refuses is to be tried again all the same. */
  async function writeRetry(failed: FailedAttempt): Promise<boolean> {
    try {
      return await retryExecution(db, worker, failed);
    } catch (error) {
      if (!isRefused(error)) throw error;
      log.error({ err: error, execution_id: failed.executionId }, "failed attempt could not be stored as it is");
      return retryExecution(db, worker, { ...failed, check: null, perform: null });
    }
  }

  /** Every write is guarded by the claim, so doing one again whose answer was cut off does no harm. */
  function answered<T>(write: () => Promise<T>): Promise<T> {
    return untilAnswered(write, log, lost);
  }
}

/** To each that wanted one its claim, or null. */
function handOut(
  wanted: readonly { executionId: string; attempt: number }[],
  claimed: readonly ClaimedExecution[],
): (ClaimedExecution | null)[] {
  const byId = new Map(claimed.map((c) => [c.executionId, c]));
  return wanted.map((w) => {
    const mine = byId.get(w.executionId);
    // An earlier attempt's message may come in the same batch as the one that counts.
    if (mine?.attempt !== w.attempt) return null;
    // The same message twice in one batch is one claim: the second finds nothing.
    byId.delete(w.executionId);
    return mine;
  });
}

/** The same verdict without what Postgres may have refused. What happened has happened, recorded in full or not. */
function unstorable(verdict: Verdict): Verdict {
  const error = verdict.error && {
    code: verdict.error.code,
    message: "the record of this execution could not be stored",
  };
  return { ...verdict, error, check: null, perform: null };
}
