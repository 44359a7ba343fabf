import type { ExecutionError, ExecutionErrorCode } from "@belfry/contract/errors.ts";
import type { PhaseRecord, Progress } from "@belfry/contract/execution.ts";
import { stopFailure } from "./deadline.ts";
import { type AttemptReport, type HostEvent, type Order, SETTLE_MS, type Stage, TEARDOWN_MS } from "./host-messages.ts";
import type { HostPool, Ticket } from "./host-pool.ts";
import { normaliseOutput } from "./normalise-output.ts";
import { checkEvent, performEvent, type Run, rollbackEvent } from "./phase-event.ts";
import { PhaseFailure } from "./phase-failure.ts";
import type { StopSignal } from "./stop-signal.ts";
import type { SurveyedModule } from "./survey.ts";

export type HostedCall = {
  run: Run;
  checkTimeoutMs: number;
  performTimeoutMs: number;
  /** From this instant on, in milliseconds since the epoch, `mayPerform` is asked before anything is performed. */
  askAfter: number;
  mayPerform: () => Promise<boolean>;
  /** Stops the attempt; see `PhaseCall`. */
  signal: StopSignal;
  onProgress: (progress: Progress) => void;
};

type Records = { check: PhaseRecord | null; perform: PhaseRecord | null; rollback: PhaseRecord | null };

/** How an attempt at an execution of a module has ended. "stopped": `mayPerform` said no. */
export type HostedOutcome = Records &
  (
    | { end: "success" | "declined" | "stopped" }
    | { end: "failed"; error: ExecutionError; retryable: boolean }
    /** Its host ended with others in it, of which any may have been the cause: what it has done is not known. */
    | { end: "lost"; message: string }
  );

/** A host times its phases itself; one that has not kept a limit for so much longer is blocked. */
const BLOCKED_AFTER_MS = 500;
/** An attempt may wait for a host for as long as its first phase may take, and in any case for a start. */
const WAIT_AT_LEAST_MS = 5000;
/** Another worker, or this one's heartbeat, deals with the execution. */
const TAKEN_OVER = new Set<ExecutionErrorCode>(["WORKER_LOST", "WORKER_STOPPED"]);

/** Runs one attempt at an execution of a module in a host of the pool. Never rejects. */
export async function runHosted(pool: HostPool, module: SurveyedModule, call: HostedCall): Promise<HostedOutcome> {
  const attempt = await follow(pool, module, orderOf(call), call);
  const { report, failure, lost } = attempt;
  const records = recordsOf(attempt, call);
  if (lost !== null) return { end: "lost", message: lost, ...records };
  const error = failure ?? (report?.end === "failed" ? reportedFailure(report) : null);
  if (report?.unsettled) void attempt.ticket?.retireHost();
  if (error && !TAKEN_OVER.has(error.code)) await recover(pool, module, call, attempt, records, error);
  if (attempt.refused && !failure) return { end: "stopped", ...records };
  if (!error) return { end: report?.end === "declined" ? "declined" : "success", ...records };
  return { end: "failed", error: { code: error.code, message: error.message }, retryable: error.retryable, ...records };
}

function orderOf({ run, checkTimeoutMs, performTimeoutMs, askAfter }: HostedCall): Omit<Order, "id"> {
  return {
    run: { ...run, scheduledFor: run.scheduledFor.getTime() },
    checkTimeoutMs,
    performTimeoutMs,
    askAfter,
  };
}

function reportedFailure({ error, retryable }: AttemptReport): PhaseFailure {
  const { code, message } = error as ExecutionError;
  return new PhaseFailure(code, message, { retryable });
}

/** What an attempt has come to when its host is done with it, or gone. */
type Followed = {
  report: AttemptReport | null;
  stage: Stage | "waiting";
  /** Since when it is in that stage, by the wall clock. */
  since: number;
  /** What the worker has found out and its host does not know: it was blocked, has ended, or was never free. */
  failure: PhaseFailure | null;
  lost: string | null;
  /** `mayPerform` has said no. */
  refused: boolean;
  ticket: Ticket | null;
};

/** Gives an order to the pool and sees to it that it ends in time, if need be with the host. */
function follow(pool: HostPool, module: SurveyedModule, order: Omit<Order, "id">, call: HostedCall): Promise<Followed> {
  const { promise, resolve } = Promise.withResolvers<Followed>();
  const firstStage: Stage = order.recover
    ? order.recover.rollback
      ? "rollback"
      : "teardown"
    : module.check
      ? "check"
      : "perform";
  const limits: Partial<Record<Stage, number>> = {
    check: order.checkTimeoutMs,
    perform: order.performTimeoutMs,
    rollback: order.performTimeoutMs,
    settling: SETTLE_MS,
    teardown: TEARDOWN_MS,
  };
  const state: Followed = {
    report: null,
    stage: "waiting",
    since: Date.now(),
    failure: null,
    lost: null,
    refused: false,
    ticket: null,
  };
  let timer: NodeJS.Timeout | undefined;
  let done = false;
  const signal = order.recover ? null : call.signal;

  const ticket = pool.begin(module, order, {
    sent() {
      enter(firstStage);
    },
    event(event) {
      if (!done) onEvent(event);
    },
    hostEnded(reason, alone) {
      if (done) return;
      // A verdict that is known stands, whatever befalls the process afterwards.
      if (state.report?.end || state.failure) return finish();
      const message = `the process of the function ${reason}`;
      if (alone) state.failure = new PhaseFailure("FUNCTION_CRASHED", message, { retryable: true });
      else state.lost = `${message}, while others of its executions ran in it`;
      finish();
    },
  });
  state.ticket = ticket;
  const waitMs = Math.max(limits[firstStage] ?? 0, WAIT_AT_LEAST_MS);
  watch(waitMs, () => {
    ticket.withdraw();
    fail("TIMEOUT", `no process became free for it within ${waitMs} ms`);
    finish();
  });
  signal?.addEventListener("abort", onAbort);
  if (signal?.aborted) onAbort();
  return promise;

  function onEvent({ stage, report, beat, progress }: HostEvent): void {
    state.report = report;
    if (progress) call.onProgress(progress);
    if (stage === "over") {
      state.stage = stage;
      return finish();
    }
    if (stage !== state.stage) enter(stage);
    else if (beat) watchStage();
  }

  function enter(stage: Stage): void {
    state.stage = stage;
    state.since = Date.now();
    if (stage === "asking") {
      clearTimeout(timer);
      return void ask();
    }
    watchStage();
  }

  async function ask(): Promise<void> {
    const may = await call.mayPerform().catch(() => false);
    if (done || signal?.aborted) return;
    if (may) {
      ticket.go();
      // It may never say so itself: if it blocks at once, its limit has to count all the same.
      return enter("perform");
    }
    state.refused = true;
    ticket.stop("CANCELLED", "the job was paused, disabled or deleted");
    watch(BLOCKED_AFTER_MS, blocked);
  }

  function watchStage(): void {
    const limit = limits[state.stage as Stage];
    // Told to stop, a host has to answer at once.
    watch(signal?.aborted && (state.stage === "check" || state.stage === "perform") ? 0 : (limit ?? 0), blocked);
  }

  function watch(ms: number, then: () => void): void {
    clearTimeout(timer);
    timer = setTimeout(then, ms + (then === blocked ? BLOCKED_AFTER_MS : 0));
  }

  /** The host did not keep a limit that it knows: nothing in it moves any more. */
  function blocked(): void {
    const { stage } = state;
    const limit = limits[stage as Stage];
    if (signal?.aborted) state.failure ??= stopFailure(signal.reason);
    else if (!state.report?.end && !state.refused)
      fail("TIMEOUT", `${stage} took longer than its limit of ${limit} ms`);
    ticket.killHost(`was ended: an execution in it blocked it and took longer than its limit`);
  }

  function onAbort(): void {
    const stopped = stopFailure(signal?.reason);
    if (TAKEN_OVER.has(stopped.code) || ticket.withdraw()) {
      state.failure = stopped;
      ticket.stop(stopped.code, stopped.message);
      return finish();
    }
    ticket.stop(stopped.code, stopped.message);
    if (state.stage !== "rollback" && state.stage !== "teardown") watch(0, blocked);
  }

  function fail(code: ExecutionErrorCode, message: string): void {
    state.failure ??= new PhaseFailure(code, message, { retryable: true });
  }

  function finish(): void {
    if (done) return;
    done = true;
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
    // Stopped before anything was performed, which is nobody's phase.
    if (state.report && !state.report.end && !state.failure && !state.refused && signal?.aborted)
      state.failure = stopFailure(signal.reason);
    if (state.stage === "over" && !order.recover && !state.report?.end && !state.refused)
      fail("FUNCTION_CRASHED", "the process of the function gave no verdict");
    resolve(state);
  }
}

/** The records that its host has told of, and one of the phase in which it was when the host ended. */
function recordsOf({ report, stage, since, failure }: Followed, { run }: HostedCall): Records {
  const records: Records = {
    check: report?.check ?? null,
    perform: report?.perform ?? null,
    rollback: report?.rollback ?? null,
  };
  if (!failure || (stage !== "check" && stage !== "perform") || records[stage]) return records;
  const input = normaliseOutput(
    stage === "check" ? checkEvent(run) : performEvent(run, performPayloadOf(report?.check ?? null)),
  );
  records[stage] = {
    input: input.ok ? input.value : null,
    output: null,
    logs: [],
    error: { code: failure.code, message: failure.message },
    started_at: new Date(since).toISOString(),
    duration_ms: Date.now() - since,
    resources: null,
  };
  return records;
}

function performPayloadOf(check: PhaseRecord | null) {
  const { output } = check ?? {};
  const payload = typeof output === "object" && output !== null && !Array.isArray(output) && output.performPayload;
  return typeof payload === "object" && payload !== null && !Array.isArray(payload) ? payload : {};
}

/**
 * What an attempt could not do itself since its host has ended, or has a handler in it that does not stop: roll back
 * and tear down, in another host, once nothing of the first is left.
 */
async function recover(
  pool: HostPool,
  module: SurveyedModule,
  call: HostedCall,
  { report, stage, ticket }: Followed,
  records: Records,
  error: PhaseFailure,
): Promise<void> {
  const leftOver = stage !== "waiting" && (stage !== "over" || report?.unsettled);
  const rollBack = module.rollback && !records.rollback && records.perform !== null;
  const tearDown = module.teardown && !report?.tornDown && stage !== "teardown";
  if (!leftOver || !(rollBack || tearDown)) return;
  await ticket?.retireHost();
  const performPayload = report?.performPayload ?? performPayloadOf(records.check);
  const { code, message } = error;
  const rollback = rollBack ? { performPayload, error: { code, message } } : null;
  const again = await follow(pool, module, { ...orderOf(call), recover: { rollback } }, call);
  if (rollBack) records.rollback = again.report?.rollback ?? failedRollback(call.run, performPayload, error, again);
  const last = records.rollback ?? records.perform ?? records.check;
  const why = again.failure?.message ?? again.lost;
  const logs = again.report?.logs ?? [];
  if (last) last.logs = [...last.logs, ...logs, ...(why ? [`error teardown did not come to its end: ${why}`] : [])];
}

function failedRollback(
  run: Run,
  performPayload: ReturnType<typeof performPayloadOf>,
  { code, message }: PhaseFailure,
  { failure, lost, since }: Followed,
): PhaseRecord {
  const input = normaliseOutput(rollbackEvent(run, performPayload, { code, message }));
  return {
    input: input.ok ? input.value : null,
    output: null,
    logs: [],
    error: { code: failure?.code ?? "FUNCTION_CRASHED", message: failure?.message ?? lost ?? "its process has ended" },
    started_at: new Date(since).toISOString(),
    duration_ms: Date.now() - since,
    resources: null,
  };
}
