import { afterEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { defineFunction, type FunctionContext } from "./define-function.ts";
import type { PhaseEvent } from "./event.ts";
import { PermanentError } from "./permanent-error.ts";
import { type EventHandler, type ServeOptions, serve, sign } from "./serve.ts";
import { newSecret, signedCall, testEvent } from "./signed-call.ts";

const secret = newSecret();
const logged: unknown[][] = [];
const log = (...args: unknown[]) => void logged.push(args);
const logger = { debug: log, info: log, warn: log, error: log };
afterEach(() => {
  logged.length = 0;
});

type Served = Parameters<typeof serve>[0];
type Init = { headers?: Record<string, string>; signal?: AbortSignal; options?: Partial<ServeOptions> };

/** Status and document that a function answers to a signed body. */
async function call(fn: Served, body: unknown, { headers, options, ...init }: Init = {}) {
  const signed = signedCall(secret, body);
  const request = new Request("http://fn/", { ...signed, ...init, headers: { ...signed.headers, ...headers } });
  const response = await serve(fn, { secret, logger, ...options })(request);
  expect(response.headers.get("content-type")).toBe("application/json");
  return { status: response.status, body: await response.json() };
}
const check = (fn: Served, payload?: never, init?: Init) => call(fn, testEvent("check", payload), init);
const perform = (fn: Served, init?: Init) => call(fn, testEvent("perform"), init);

describe("a function that is served", () => {
  const report = defineFunction<{ rows: number }>({
    name: "report",
    check: (event) => ({ shouldPerform: true, performPayload: { rows: event.belfry.attempt } }),
    perform: (event) => ({ sent: event.rows }),
  });

  it("is called by its phase and answers JSON", async () => {
    expect(await check(report)).toEqual({ status: 200, body: { shouldPerform: true, performPayload: { rows: 2 } } });
    const event = testEvent("perform", null, { rows: 3 });
    expect(await call(report, event)).toEqual({ status: 200, body: { sent: 3 } });
  });

  it("performs every time if it has no check, and rolls nothing back if it has no rollback", async () => {
    const bare = defineFunction({ name: "bare", perform: () => undefined });
    const rollback = { ...testEvent("perform"), phase: "rollback", error: { code: "TIMEOUT", message: "late" } };

    expect(await check(bare)).toEqual({ status: 200, body: { shouldPerform: true } });
    expect(await perform(bare)).toEqual({ status: 200, body: null });
    expect(await call(bare, rollback)).toEqual({ status: 200, body: null });
  });

  it("rolls back what failed", async () => {
    const undo = defineFunction({
      name: "undo",
      perform: () => null,
      rollback: ({ error }) => `undone after ${error.code}`,
    });
    const rollback = { ...testEvent("perform"), phase: "rollback", error: { code: "TIMEOUT", message: "late" } };

    expect(await call(undo, rollback)).toEqual({ status: 200, body: "undone after TIMEOUT" });
  });

  it("is told the same as in a worker", async () => {
    const seen: unknown[] = [];
    const handler: EventHandler = (event, { signal, logger, progress, heartbeat, ...context }) => {
      progress(50, "half");
      heartbeat();
      logger.info("seen", signal.aborted);
      seen.push(event, context);
    };
    const event = testEvent("perform", { city: "Bern" }, { rows: 3 });
    await call(handler, event);

    expect(seen).toEqual([
      event,
      {
        executionId: "execution-1",
        attempt: 2,
        jobId: "job-1",
        scheduledFor: new Date("2026-11-20T09:00:00Z"),
        trigger: "schedule",
        payload: { city: "Bern" },
        resources: undefined,
      },
    ]);
    expect(logged).toEqual([["seen", false]]);
  });

  it("may be one handler for both phases", async () => {
    const handler = ({ phase }: PhaseEvent) => (phase === "check" ? { shouldPerform: false } : { success: true });

    expect(await check(handler)).toMatchObject({ body: { shouldPerform: false } });
    expect(await perform(handler)).toMatchObject({ body: { success: true } });
  });

  it("has its resources set up before each phase and torn down after it, whatever came of it", async () => {
    const steps: unknown[] = [];
    const database = defineFunction({
      name: "database",
      setup: () => ({ connection: steps.push("open") }),
      check: (_, { resources }) => ({ shouldPerform: resources.connection > 0 }),
      perform: (_, { resources }) => {
        steps.push(resources);
        throw new Error("no");
      },
      teardown: ({ resources }) => {
        steps.push(`close ${resources?.connection}`);
        throw new Error("cannot close");
      },
    });

    expect(await check(database)).toEqual({ status: 200, body: { shouldPerform: true } });
    expect((await perform(database)).status).toBe(500);
    expect(steps).toEqual(["open", "close 1", "open", { connection: 3 }, "close 3"]);
    expect(logged[0]).toEqual(['the teardown of "database" has failed', new Error("cannot close")]);
  });

  it("gets its payload as its input reads it, or is not called", async () => {
    const input = z.object({ city: z.string(), days: z.number().default(7) });
    const perform = (_: PhaseEvent, { payload }: FunctionContext<z.infer<typeof input>>) => payload;
    const weather = defineFunction({ name: "weather", input, perform });

    expect(await call(weather, testEvent("perform", { city: "Bern" }))).toEqual({
      status: 200,
      body: { city: "Bern", days: 7 },
    });
    expect(await call(weather, testEvent("perform", { city: 1, days: "x" }))).toMatchObject({
      status: 422,
      body: { code: "PAYLOAD_INVALID", details: [{ path: "city" }, { path: "days" }] },
    });
  });

  it("that is not enabled is not called", async () => {
    const called = vi.fn(() => ({ shouldPerform: true }));
    const off = defineFunction({ name: "off", enabled: false, check: called, perform: called });
    expect(await check(off)).toEqual({ status: 200, body: { shouldPerform: false } });
    expect(await perform(off)).toMatchObject({ status: 422, body: { code: "FUNCTION_DISABLED" } });
    expect(called).not.toHaveBeenCalled();
  });
});

describe("what a function throws", () => {
  const throwing = (thrown: unknown) =>
    defineFunction({
      name: "throwing",
      perform: () => {
        throw thrown;
      },
    });

  it.each([
    ["an error", new Error("the printer is out"), 500, "FUNCTION_ERROR", "the printer is out"],
    ["a PermanentError", new PermanentError("no such printer"), 422, "PERMANENT_ERROR", "no such printer"],
    [
      "a PermanentError behind another",
      new Error("a", { cause: new PermanentError("b") }),
      422,
      "PERMANENT_ERROR",
      "a",
    ],
    ["a string", "no", 500, "FUNCTION_ERROR", "threw no"],
    ["nothing", undefined, 500, "FUNCTION_ERROR", "threw undefined"],
    ["what cannot be printed", Object.create(null), 500, "FUNCTION_ERROR", "threw something that cannot be described"],
  ])("is answered and logged: %s", async (_, thrown, status, code, message) => {
    expect(await perform(throwing(thrown))).toEqual({ status, body: { code, message } });
    expect(logged).toEqual([[thrown]]);
  });

  it("while it answers what is not JSON is permanent, since the work is done", async () => {
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    for (const answer of [cyclic, 1n]) {
      expect(await perform(() => answer)).toMatchObject({ status: 422, body: { code: "PERMANENT_ERROR" } });
    }
  });
});

describe("the signal of a call", () => {
  /** Answers why it was stopped. */
  const untilStopped = (onBegin: () => void): EventHandler => {
    return (_, { signal }) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => resolve(signal.reason.name));
        onBegin();
      });
  };

  /** Whether it was stopped, a moment after it has begun. */
  const isAbortedSoon: EventHandler = async (_, { signal }) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return signal.aborted;
  };

  it("is aborted when the caller has gone", async () => {
    const caller = new AbortController();
    const handler = untilStopped(() => caller.abort());
    expect((await perform(handler, { signal: caller.signal })).body).toBe("AbortError");
  });

  it("is not needed by what the caller did not wait for: that is not begun", async () => {
    const handler = vi.fn(() => null);
    expect((await perform(handler, { signal: AbortSignal.abort() })).status).toBe(500);
    expect(handler).not.toHaveBeenCalled();
  });

  it("is aborted at the deadline", async () => {
    const headers = { "belfry-deadline": new Date(Date.now() + 30).toISOString() };
    expect(
      (
        await perform(
          untilStopped(() => {}),
          { headers },
        )
      ).body,
    ).toBe("TimeoutError");
  });

  it("is aborted at the deadline by the caller's clock, whatever is the time here", async () => {
    const at = new Date(Date.now() - 100_000);
    const headers = {
      ...signedCall(secret, testEvent("perform"), { at }).headers,
      "belfry-deadline": new Date(at.getTime() + 60_000).toISOString(),
    };
    expect((await perform(isAbortedSoon, { headers })).body).toBe(false);
  });

  it.each(["tomorrow", "", "9999-12-31T00:00:00Z"])("is not aborted by a deadline of %j", async (deadline) => {
    const headers = { "belfry-deadline": deadline };
    expect((await perform(isAbortedSoon, { headers })).body).toBe(false);
  });
});

describe("a request that is none of ours", () => {
  const handler = vi.fn(() => null);
  const send = async (init: RequestInit, options: Partial<ServeOptions> = {}) => {
    const response = await serve(handler, { secret, logger, ...options })(new Request("http://fn/", init));
    const { code } = (await response.json()) as { code: string };
    return [response.status, code];
  };
  afterEach(() => {
    expect(handler).not.toHaveBeenCalled();
  });

  it("is unsigned, or signed with another secret", async () => {
    expect(await send({ method: "POST", body: "{}" })).toEqual([401, "UNAUTHORIZED"]);
    expect(await send(signedCall(newSecret(), testEvent("perform")))).toEqual([401, "UNAUTHORIZED"]);
  });

  it("is old", async () => {
    const old = signedCall(secret, testEvent("perform"), { at: new Date(Date.now() - 10_000) });
    expect(await send(old, { toleranceSeconds: 5 })).toEqual([401, "UNAUTHORIZED"]);
  });

  it.each(["GET", "PUT", "DELETE", "OPTIONS"])("is of method %s", async (method) => {
    expect(await send({ method })).toEqual([405, "METHOD_NOT_ALLOWED"]);
    const response = await serve(handler, { secret, logger })(new Request("http://fn/", { method }));
    expect(response.headers.get("allow")).toBe("POST");
  });

  it.each(["", "{", "nonsense"])("is not JSON: %j", async (body) => {
    expect(await send(signedCall(secret, body))).toEqual([400, "MALFORMED_JSON"]);
  });

  it("is not UTF-8", async () => {
    const body = Uint8Array.from([...new TextEncoder().encode('{"a":"'), 0xff, 0x22, 0x7d]);
    const { headers } = signedCall(secret, "");
    const timestamp = Number(headers["webhook-timestamp"]);
    headers["webhook-signature"] = await sign(secret, { id: "execution-1-check", timestamp, body });
    expect(await send({ method: "POST", headers, body })).toEqual([400, "MALFORMED_JSON"]);
  });

  it.each([
    null,
    [],
    1,
    {},
    { ...testEvent("check"), phase: "launch" },
    { ...testEvent("check"), phase: ["check"] },
    { ...testEvent("check"), automation_job: 1 },
    { ...testEvent("check"), belfry: null },
    { ...testEvent("check"), belfry: {} },
  ])("is no event: %j", async (body) => {
    expect(await send(signedCall(secret, JSON.stringify(body)))).toEqual([400, "BAD_REQUEST"]);
  });

  it("is too large, and is not read to its end", async () => {
    let chunks = 0;
    const endless = new ReadableStream({
      pull(controller) {
        chunks++;
        controller.enqueue(new Uint8Array(64 * 1024));
      },
    });
    const init = { method: "POST", body: endless, duplex: "half" } as RequestInit;

    expect(await send(init, { maxBytes: 1024 * 1024 })).toEqual([413, "PAYLOAD_TOO_LARGE"]);
    expect(chunks).toBeLessThan(20);
    expect(await send(signedCall(secret, "x".repeat(1001)), { maxBytes: 1000 })).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  });
});

it("is refused at once what cannot be served", () => {
  const handler = () => null;
  expect(() => serve(handler, { secret: undefined })).toThrow("secret: is missing");
  expect(() => serve(handler, { secret: "hunter2" })).toThrow("secret: must be whsec_");
  expect(() => serve({ name: "x" } as never, { secret })).toThrow("needs a function made by defineFunction");
});
