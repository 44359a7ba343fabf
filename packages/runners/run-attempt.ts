import type { ExecutionErrorCode } from "@belfry/contract/errors.ts";
import type { JsonObject } from "@belfry/contract/json.ts";
import type { DefinedFunction, FunctionContext } from "@belfry/functions/define-function.ts";
import { captureLogs } from "./capture-logs.ts";
import { readCheckResult } from "./check-result.ts";
import { describeThrown } from "./describe-thrown.ts";
import { type AttemptReport, type Order, SETTLE_MS, type Stage, TEARDOWN_MS } from "./host-messages.ts";
import { asFunctionError, callModule } from "./module.ts";
import { checkEvent, performEvent, type Run, rollbackEvent } from "./phase-event.ts";
import { readPayload } from "./read-payload.ts";
import { measureUse } from "./resource-use.ts";
import { type PhaseCall, type PhaseResult, runPhase } from "./run-phase.ts";

/** What an attempt needs of the process that it runs in. */
export type AttemptHooks = {
  /** By which the worker stops it. */
  signal: AbortSignal;
  /** Whether it may still perform; asked when the attempt began a while ago. */
  ask: () => Promise<void>;
  /** Called before each step with what there is so far. */
  onStage: (stage: Stage, report: AttemptReport) => void;
  onHeartbeat: () => void;
  onProgress: (percent: number, text: string) => void;
};

/** Whoever takes these over runs the execution again; what this attempt did is not to be undone behind its back. */
const TAKEN_OVER = new Set<ExecutionErrorCode>(["WORKER_LOST", "WORKER_STOPPED"]);
const MAX_LOG_LINES = 1000;

/**
 * One attempt at an execution of a module, in this process: the payload is read, then `setup`, `check`, `perform`,
 * `rollback` if perform failed after it began, and `teardown` whatever happened. Never rejects; ends without the rest
 * (`unsettled`) when a handler goes on although it was told to stop, since what is left must not run beside it.
 */
export async function runAttempt(module: DefinedFunction, order: Order, hooks: AttemptHooks): Promise<AttemptReport> {
  const run: Run = { ...order.run, scheduledFor: new Date(order.run.scheduledFor) };
  const report: AttemptReport = {
    end: null,
    check: null,
    perform: null,
    rollback: null,
    error: null,
    retryable: false,
    unsettled: false,
    tornDown: false,
    logs: [],
    performPayload: null,
  };
  // Never refused: handlers see only a payload that their input has accepted.
  const opened = { payload: undefined as unknown, resources: undefined as unknown, accepted: false, setUp: false };
  let performBegan = false;

  if (order.recover) await recover(order.recover);
  else await checkAndPerform();
  if (!report.unsettled) await tearDown();
  return report;

  async function checkAndPerform(): Promise<void> {
    let performPayload: JsonObject = {};
    if (module.check) {
      hooks.onStage("check", report);
      const check = await phase(checkEvent(run), order.checkTimeoutMs);
      if (check.error) return;
      const answer = readCheckResult(check.output);
      if (!answer.shouldPerform) return end("declined");
      performPayload = answer.performPayload;
    }
    if (Date.now() >= order.askAfter) {
      hooks.onStage("asking", report);
      await hooks.ask();
    }
    // Stopped while no phase was under way: the worker knows why, and there is no record of a perform.
    if (hooks.signal.aborted) return;
    if (module.rollback) report.performPayload = performPayload;
    hooks.onStage("perform", report);
    const perform = await phase(performEvent(run, performPayload), order.performTimeoutMs);
    if (!perform.error) return end("success");
    if (performBegan && !report.unsettled && !TAKEN_OVER.has(perform.error.code)) {
      await rollBack(performPayload, perform.error);
    }
  }

  async function recover({ rollback }: NonNullable<Order["recover"]>): Promise<void> {
    if (rollback) await rollBack(rollback.performPayload, rollback.error);
    else await accept().catch(() => undefined); // refused: then there is nothing to tear down
  }

  async function rollBack(performPayload: JsonObject, error: NonNullable<AttemptReport["error"]>): Promise<void> {
    if (!module.rollback) return;
    hooks.onStage("rollback", report);
    // What has stopped the attempt does not stop its undoing, whose limit is its own.
    const neverStopped = new AbortController().signal;
    const event = rollbackEvent(run, performPayload, error);
    await phase(event, order.performTimeoutMs, neverStopped);
  }

  async function phase(event: PhaseCall["event"], timeoutMs: number, signal = hooks.signal): Promise<PhaseResult> {
    const used = measureUse();
    let settled = Promise.resolve();
    const call: PhaseCall = { run, event, timeoutMs, signal };
    const result = await runPhase(
      {
        kind: "module",
        call: (given, tools) => {
          const heartbeat = () => {
            tools.heartbeat();
            hooks.onHeartbeat();
          };
          const handled = handle(given, { ...tools, heartbeat });
          settled = handled.then(
            () => undefined,
            () => undefined,
          );
          return handled;
        },
      },
      call,
    );
    result.record.resources = used(result.record.duration_ms);
    report[event.phase] = result.record;
    if (event.phase !== "rollback" && result.error) fail(result);
    if (result.error && !(await settles(settled))) report.unsettled = true;
    return result;
  }

  async function handle(event: PhaseCall["event"], tools: Tools): Promise<unknown> {
    const context = contextOf(tools);
    try {
      await accept();
      if (!opened.setUp) {
        opened.setUp = true;
        if (module.setup) opened.resources = await module.setup({ ...context, payload: opened.payload as never });
      }
    } catch (thrown) {
      throw asFunctionError(thrown);
    }
    // A setup that has taken too long must not be followed by a handler that nobody waits for.
    tools.signal.throwIfAborted();
    if (event.phase === "perform") performBegan = true;
    return callModule(module, event, contextOf(tools) as never);
  }

  async function accept(): Promise<void> {
    if (opened.accepted) return;
    opened.payload = await readPayload(module, run.payload);
    opened.accepted = true;
  }

  /** A handler that has ended, or been told to stop, has nothing to stop for: most need no waiting at all. */
  async function settles(settled: Promise<void>): Promise<boolean> {
    let done = false;
    void settled.then(() => {
      done = true;
    });
    for (let turn = 0; turn < 3 && !done; turn++) await null;
    if (done) return true;
    hooks.onStage("settling", report);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, SETTLE_MS);
    });
    await Promise.race([settled, late]);
    clearTimeout(timer);
    return done;
  }

  /** Has a limit of its own. What it throws is told in the logs of the last phase and changes no verdict. */
  async function tearDown(): Promise<void> {
    if (!module.teardown || !opened.accepted) {
      report.tornDown = true;
      return;
    }
    hooks.onStage("teardown", report);
    const logs = captureLogs();
    const limit = new AbortController();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      late.reject(new Error(`it took longer than its limit of ${TEARDOWN_MS} ms`));
      limit.abort();
      report.unsettled = true;
    }, TEARDOWN_MS);
    try {
      const context = contextOf({ signal: limit.signal, logger: logs.logger, heartbeat() {} });
      await Promise.race([module.teardown(context as never), late.promise]);
    } catch (thrown) {
      logs.logger.error(`teardown failed: ${describeThrown(thrown)}`);
    } finally {
      clearTimeout(timer);
      report.tornDown = true;
    }
    const last = report.rollback ?? report.perform ?? report.check;
    if (last) last.logs = [...last.logs, ...logs.lines()].slice(0, MAX_LOG_LINES);
    else report.logs = logs.lines();
  }

  function contextOf({ signal, logger, heartbeat }: Tools): FunctionContext<unknown, unknown> {
    const { payload: _, ...rest } = run;
    return {
      ...rest,
      signal,
      logger,
      heartbeat,
      payload: opened.payload,
      resources: opened.resources,
      progress: (percent, text = "") => hooks.onProgress(percent, text),
    };
  }

  function fail({ error, retryable }: PhaseResult): void {
    Object.assign(report, { end: "failed", error, retryable });
  }
  function end(how: "success" | "declined"): void {
    report.end = how;
  }
}

type Tools = Pick<FunctionContext, "signal" | "logger" | "heartbeat">;
