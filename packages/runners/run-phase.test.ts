import { getEventListeners } from "node:events";
import { phaseRecord } from "@belfry/contract/execution.ts";
import { isStorableText, type JsonObject } from "@belfry/contract/json.ts";
import {
  type CheckHandler,
  type DefinedFunction,
  defineFunction,
  type PerformHandler,
} from "@belfry/functions/define-function.ts";
import { PermanentError } from "@belfry/functions/permanent-error.ts";
import { describe, expect, it } from "vitest";
import { readCheckResult } from "./check-result.ts";
import { callModule } from "./module.ts";
import { checkEvent, performEvent, type Run } from "./phase-event.ts";
import { type ModuleCall, runPhase } from "./run-phase.ts";

const run: Run = {
  jobId: "job-1",
  executionId: "execution-1",
  attempt: 1,
  scheduledFor: new Date("2026-11-20T09:00:00Z"),
  trigger: "manual",
  payload: { city: "Bern" },
};
const never = new AbortController().signal;
type Options = { timeoutMs?: number; signal?: AbortSignal; performPayload?: JsonObject };

/** A module's handlers, called in this process as a host does it. */
const moduleTarget = (module: DefinedFunction) => {
  const { payload, ...rest } = run;
  const context = { ...rest, payload, resources: undefined, progress() {} };
  return {
    kind: "module" as const,
    call: ((event, tools) =>
      callModule(module, event, { ...context, ...tools, payload: structuredClone(payload) } as never)) as ModuleCall,
  };
};
const runCheck = (check: CheckHandler, { timeoutMs = 5000, signal = never }: Options = {}) =>
  runPhase(moduleTarget(defineFunction({ name: "f", check, perform: () => null })), {
    run,
    event: checkEvent(run),
    timeoutMs,
    signal,
  });
const runPerform = (perform: PerformHandler, { timeoutMs = 5000, signal = never, performPayload = {} }: Options = {}) =>
  runPhase(moduleTarget(defineFunction({ name: "f", perform })), {
    run,
    event: performEvent(run, performPayload),
    timeoutMs,
    signal,
  });
const throwing = (thrown: unknown) => () => {
  throw thrown;
};

describe("a phase that ends well", () => {
  it("records what went in, what came out, the logs and the time", async () => {
    const result = await runPerform(
      (event, { logger }) => {
        logger.info("counting", event.rows);
        return { counted: event.rows };
      },
      { performPayload: { rows: 3 } },
    );

    expect(result).toMatchObject({ output: { counted: 3 }, error: null, retryable: false, retryAfterMs: null });
    expect(phaseRecord.parse(result.record)).toEqual({
      input: performEvent(run, { rows: 3 }),
      output: { counted: 3 },
      logs: ["info counting 3"],
      error: null,
      started_at: expect.any(String),
      duration_ms: expect.any(Number),
    });
  });

  it("gives the check's answer on to perform", async () => {
    const check = await runCheck(() => ({ shouldPerform: true, performPayload: { rows: 3 } }));

    expect(readCheckResult(check.output)).toEqual({ shouldPerform: true, performPayload: { rows: 3 } });
  });

  it("tells the handler what it belongs to", async () => {
    const result = await runPerform((_, { signal, logger, ...context }) => ({ context, stopped: signal.aborted }));

    expect(result.output).toEqual({
      context: { ...run, scheduledFor: run.scheduledFor.toISOString() },
      stopped: false,
    });
  });

  it("leaves nothing behind on the worker's signal", async () => {
    const worker = new AbortController();
    await runPerform(() => null, { signal: worker.signal });

    expect(getEventListeners(worker.signal, "abort")).toEqual([]);
  });

  it("would always perform a function without a check", async () => {
    const module = defineFunction({ name: "f", perform: () => null });
    const result = await runPhase(moduleTarget(module), {
      run,
      event: checkEvent(run),
      timeoutMs: 5000,
      signal: never,
    });

    expect(result.output).toEqual({ shouldPerform: true });
  });

  it("records nothing as null", async () => {
    expect((await runPerform(() => undefined)).record.output).toBeNull();
  });

  it("hands out copies: what a handler does to its event changes neither the record nor the next phase", async () => {
    const result = await runCheck((event, { payload }) => {
      event.automation_job = "changed";
      (payload as JsonObject).city = "changed";
      return { shouldPerform: false };
    });

    expect(result.record.input).toEqual(checkEvent(run));
    expect(run.payload).toEqual({ city: "Bern" });
  });

  it("cuts a large output in the record, and gives it whole to perform", async () => {
    const performPayload = { text: "x".repeat(100_000) };
    const result = await runCheck(() => ({ shouldPerform: true, performPayload }));

    expect(result.record.output).toMatchObject({ truncated: true });
    expect(readCheckResult(result.output).performPayload).toEqual(performPayload);
  });

  it("cleans input, output and logs of what Postgres cannot store", async () => {
    const result = await runPerform(
      (event, { logger }) => {
        logger.warn(event.text);
        return { text: event.text };
      },
      { performPayload: { text: "a\u0000\ud800" } },
    );

    expect(result.record).toMatchObject({
      input: { text: "a\ufffd\ufffd" },
      output: { text: "a\ufffd\ufffd" },
      logs: ["warn a\ufffd\ufffd"],
    });
  });
});

describe("a handler that throws", () => {
  const unreadable = Object.defineProperty(new Error(), "message", { get: throwing(null) });

  it.each([
    ["an Error", throwing(new RangeError("boom")), "boom"],
    ["an Error without words", throwing(new RangeError()), "RangeError"],
    ["a string", throwing("boom"), "boom"],
    ["null", throwing(null), "threw null"],
    ["an object", throwing({ code: 7 }), "threw { code: 7 }"],
    ["an Error that cannot be read", throwing(unreadable), "threw something that cannot be described"],
    ["a rejection with undefined", () => Promise.reject(undefined), "threw undefined"],
    ["several at once", throwing(new AggregateError([new Error("a"), new Error("b")])), "a; b"],
  ])("fails with FUNCTION_ERROR: %s", async (_, perform, message) => {
    const result = await runPerform(perform);

    expect(result).toMatchObject({ output: null, error: { code: "FUNCTION_ERROR", message }, retryable: true });
    expect(result.record.error).toEqual(result.error);
  });

  it.each([
    ["check", runCheck],
    ["perform", runPerform],
  ])("is not tried again after a PermanentError, nor after what one caused: %s", async (_, runHandler) => {
    const permanent = new PermanentError("the customer is gone");

    expect(await runHandler(throwing(permanent))).toMatchObject({
      error: { code: "FUNCTION_ERROR", message: "the customer is gone" },
      retryable: false,
    });
    expect(await runHandler(throwing(new Error("step 3", { cause: permanent })))).toMatchObject({
      error: { code: "FUNCTION_ERROR", message: "step 3" },
      retryable: false,
    });
  });

  it("keeps what was logged before", async () => {
    const result = await runPerform((_, { logger }) => {
      logger.info("so far");
      throw new Error("boom");
    });

    expect(result.record.logs).toEqual(["info so far"]);
  });

  it("has its message cleaned and cut to 4 KB", async () => {
    const { error } = await runPerform(throwing(new Error(`\u0000\ud800${"é".repeat(10_000)}`)));

    expect(isStorableText(error?.message ?? "\u0000")).toBe(true);
    expect(Buffer.byteLength(error?.message ?? "")).toBeLessThanOrEqual(4096);
  });
});

describe("an answer that cannot be kept", () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);

  it.each([
    ["a BigInt", { n: 1n }],
    ["a cycle", cycle],
  ])("is FUNCTION_ERROR, and final since the effect has happened: %s", async (_, answer) => {
    const result = await runPerform(() => answer);

    expect(result).toMatchObject({
      error: { code: "FUNCTION_ERROR", message: expect.stringMatching(/not JSON/) },
      retryable: false,
    });
  });

  it("is cut if it is nested 100,000 levels deep", async () => {
    const result = await runPerform(() => JSON.parse(`${'{"0":'.repeat(100_000)}1${"}".repeat(100_000)}`));

    expect(result).toMatchObject({ error: null, record: { output: { truncated: true, depth: 100_000 } } });
  });

  it("is CHECK_INVALID if a check answered something else than it should, which is recorded", async () => {
    const result = await runCheck((() => ({ shouldPerform: "yes" })) as never);

    expect(result).toMatchObject({ output: null, error: { code: "CHECK_INVALID" }, retryable: false });
    expect(result.record.output).toEqual({ shouldPerform: "yes" });
  });

  it("is CHECK_INVALID if a check answered more levels than perform can be given", async () => {
    const deep = JSON.parse("[".repeat(70) + "]".repeat(70));
    const result = await runCheck(() => ({ shouldPerform: true, performPayload: { deep } }));

    expect(result.error).toEqual({
      code: "CHECK_INVALID",
      message: "check answered something nested deeper than 64 levels",
    });
    expect(result.record.output).toMatchObject({ truncated: true, depth: 72 });
  });
});

describe("a phase that has to stop", () => {
  it("ends with TIMEOUT, and its signal fires", async () => {
    let reason: unknown;
    const result = await runPerform(
      (_, { signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            reason = signal.reason;
            reject(reason);
          });
        }),
      { timeoutMs: 30 },
    );

    expect(result).toMatchObject({
      error: { code: "TIMEOUT", message: "perform took longer than its limit of 30 ms" },
      retryable: true,
    });
    expect(result.record.duration_ms).toBeGreaterThan(25);
    expect(reason).toMatchObject({ code: "TIMEOUT" });
  });

  it("ends although the function ignores its signal, and what it logs later is lost", async () => {
    const late = Promise.withResolvers<void>();
    const finished = Promise.withResolvers<void>();
    const result = await runPerform(
      async (_, { logger }) => {
        logger.info("before");
        await late.promise;
        logger.info("after");
        finished.resolve();
        throw new Error("nobody hears this");
      },
      { timeoutMs: 30 },
    );
    late.resolve();
    await finished.promise;

    expect(result.error?.code).toBe("TIMEOUT");
    expect(result.record.logs).toEqual(["info before"]);
  });

  it("does not take an answer that the signal itself brought about", async () => {
    const result = await runPerform(
      (_, { signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve("half of it"))),
      { timeoutMs: 30 },
    );

    expect(result).toMatchObject({ output: null, error: { code: "TIMEOUT" } });
  });

  const withCode = (code: string) => Object.assign(new Error("the worker is shut down"), { code });
  it.each([
    [undefined, { code: "CANCELLED", message: "the execution was cancelled" }, false],
    [withCode("ENOENT"), { code: "CANCELLED", message: "the execution was cancelled" }, false],
    [withCode("CANCELLED"), { code: "CANCELLED", message: "the worker is shut down" }, false],
    [withCode("WORKER_STOPPED"), { code: "WORKER_STOPPED", message: "the worker is shut down" }, true],
  ])("ends with the code of the worker's reason %o", async (reason, error, retryable) => {
    const worker = new AbortController();
    const started = Promise.withResolvers<void>();
    const result = runPerform(
      () => {
        started.resolve();
        return new Promise(() => {});
      },
      { signal: worker.signal },
    );
    await started.promise;
    worker.abort(reason);

    expect(await result).toMatchObject({ error, retryable });
  });

  it("does not begin if it was cancelled before", async () => {
    let called = false;
    const result = await runPerform(
      () => {
        called = true;
      },
      { signal: AbortSignal.abort() },
    );

    expect(result.error?.code).toBe("CANCELLED");
    expect(called).toBe(false);
  });
});
