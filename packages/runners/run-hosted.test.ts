/** Attempts in real processes: the order of the handlers, what is recorded, and what becomes of a process that fails. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Progress } from "@belfry/contract/execution.ts";
import type { Json } from "@belfry/contract/json.ts";
import { type FunctionFolder, makeFunctionFolder } from "@belfry/testing/function-folder.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHostPool, type HostPool } from "./host-pool.ts";
import { type HostedCall, runHosted } from "./run-hosted.ts";
import { type SurveyedModule, surveyModules } from "./survey.ts";

let folder: FunctionFolder;
let pool: HostPool;
let modules: Map<string, SurveyedModule>;

/** Logs each handler that is called, and does what the payload says. */
const TELLING = (name: string) => `name: "${name}",
  setup({ logger, payload }) { logger.info("setup"); if (payload.at === "setup") act(payload); return { opened: true }; },
  check(event, { logger, payload, resources }) {
    logger.info("check", resources);
    if (payload.at === "check") act(payload);
    return { shouldPerform: payload.at !== "nowhere", performPayload: { n: 7 } };
  },
  async perform(event, { logger, payload, signal }) {
    logger.info("perform", event.n);
    if (payload.at === "perform") await act(payload, signal);
    return "done";
  },
  rollback(event, { logger, payload, resources }) {
    logger.info("rollback", event.phase, event.n, event.error, resources);
    if (payload.rollback === "throws") throw new Error("cannot undo");
    return "undone";
  },
  teardown({ logger, payload, resources }) {
    logger.info("teardown", resources);
    if (payload.teardown === "throws") throw new Error("cannot close");
  }`;
const ACT = `
function act({ how }, signal) {
  if (how === "throws") throw new Error("boom");
  if (how === "exits") process.exit(3);
  if (how === "blocks") for (;;);
  if (how === "hangs") return new Promise(() => undefined);
  if (how === "stops") return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}`;

beforeAll(async () => {
  folder = makeFunctionFolder();
  folder.define("telling.js", `${TELLING("telling")} });${ACT} ({`);
  folder.define(
    "plain.js",
    `name: "plain", perform: (event, { payload }) => ({ payload, phase: event.phase, pid: process.pid })`,
  );
  folder.define(
    "mixed.js",
    `name: "mixed", perform(event, { payload }) {
      if (payload.how === "blocks") for (;;);
      if (payload.how === "blocks later") setTimeout(() => { for (;;); }, 30);
      if (payload.how === "exits") setTimeout(() => process.exit(1), 300);
      return new Promise((done) => setTimeout(done, payload.ms ?? 0, process.pid));
    }`,
  );
  folder.define(
    "unchecked.js",
    `name: "unchecked", setup() { throw new Error("no disk"); }, perform() {}, rollback: () => "undone"`,
  );
  folder.define("env.js", `name: "env", perform: () => process.env`);
  folder.define(
    "busy.js",
    `name: "busy", async perform(event, { heartbeat, progress, payload }) {
      for (let i = 1; i <= 10; i++) {
        await new Promise((done) => setTimeout(done, 100));
        if (payload.beats) heartbeat();
        progress(i * 10, "step " + i);
      }
    }`,
  );
  folder.define(
    "picky.js",
    `name: "picky", input: { "~standard": { version: 1, vendor: "x", validate: async ({ n }) => typeof n === "number"
      ? { value: { n: BigInt(n) } } : { issues: [{ message: "must be a number", path: ["n"] }, { message: "no", path: [{ key: "list" }, 3] }] } } },
      perform: (event, { payload }) => ({ parsed: typeof payload.n, raw: event.belfry.payload })`,
  );
  folder.write(
    "seed.js",
    `export async function handler(event) {
      if (event.phase === "check") return { shouldPerform: true, performPayload: { files: 2 } };
      return { backed_up: event.files };
    }`,
  );
  ({ modules } = await surveyModules(folder.dir));
  pool = createHostPool({ limit: 12, memoryMb: 128, onNotice: () => undefined, env: { ...process.env, ...SECRETS } });
}, 30_000);
afterAll(async () => {
  await pool.close();
  folder.close();
});

const SECRETS = {
  DATABASE_URL: "postgres://secret",
  REDIS_URL: "redis://secret",
  PGPASSWORD: "secret",
  BELFRY_BOOTSTRAP_API_KEY: "secret",
  SAME_UNDER_ANOTHER_NAME: "postgres://secret",
  MY_SETTING: "mine",
};

const never = new AbortController().signal;
let executions = 0;
const run = (name: string, payload: Json = {}, more: Partial<HostedCall> = {}, of = pool) =>
  runHosted(of, modules.get(name) as SurveyedModule, {
    run: {
      jobId: "job-1",
      executionId: `execution-${++executions}`,
      attempt: 1,
      scheduledFor: new Date("2026-11-20T09:00:00Z"),
      trigger: "manual",
      payload,
    },
    checkTimeoutMs: 10_000,
    performTimeoutMs: 10_000,
    askAfter: Number.MAX_SAFE_INTEGER,
    mayPerform: async () => true,
    signal: never,
    onProgress: () => undefined,
    ...more,
  });
const logsOf = ({ check, perform, rollback }: Awaited<ReturnType<typeof run>>) =>
  [check, perform, rollback].flatMap((record) => record?.logs ?? []);
const OPENED = '{"opened":true}';
const boom = '{"code":"FUNCTION_ERROR","message":"boom"}';

describe("the handlers of an attempt", () => {
  it("are called in order, with what setup has opened", async () => {
    const outcome = await run("telling");

    expect(outcome).toMatchObject({ end: "success", perform: { output: "done", error: null }, rollback: null });
    expect(logsOf(outcome)).toEqual([
      "info setup",
      `info check ${OPENED}`,
      "info perform 7",
      `info teardown ${OPENED}`,
    ]);
  });

  it("are torn down as well after a check that declines", async () => {
    const outcome = await run("telling", { at: "nowhere" });

    expect(outcome).toMatchObject({ end: "declined", perform: null });
    expect(logsOf(outcome)).toEqual(["info setup", `info check ${OPENED}`, `info teardown ${OPENED}`]);
  });

  it.each([
    ["setup", ["info setup", "info teardown undefined"]],
    ["check", ["info setup", `info check ${OPENED}`, `info teardown ${OPENED}`]],
  ])("end with teardown, and without rollback, when %s throws", async (at, logs) => {
    const outcome = await run("telling", { at, how: "throws" });

    expect(outcome).toMatchObject({
      end: "failed",
      error: { code: "FUNCTION_ERROR", message: "boom" },
      perform: null,
      rollback: null,
    });
    expect(logsOf(outcome)).toEqual(logs);
  });

  it("have nothing to roll back when setup throws before a perform without a check", async () => {
    expect(await run("unchecked")).toMatchObject({ end: "failed", error: { message: "no disk" }, rollback: null });
  });

  it("roll back a perform that has failed, and record it", async () => {
    const outcome = await run("telling", { at: "perform", how: "throws" });

    expect(outcome).toMatchObject({
      end: "failed",
      error: { code: "FUNCTION_ERROR", message: "boom" },
      retryable: true,
      perform: { error: { message: "boom" } },
      rollback: { output: "undone", error: null, input: { phase: "rollback", n: 7, error: { message: "boom" } } },
    });
    expect(outcome.rollback?.logs).toEqual([`info rollback rollback 7 ${boom} ${OPENED}`, `info teardown ${OPENED}`]);
  });

  it("stay failed as they were when rollback and teardown fail, too", async () => {
    const outcome = await run("telling", { at: "perform", how: "throws", rollback: "throws", teardown: "throws" });

    expect(outcome).toMatchObject({ error: { message: "boom" }, rollback: { error: { message: "cannot undo" } } });
    expect(outcome.rollback?.logs.at(-1)).toBe("error teardown failed: cannot close");
  });

  it("have succeeded although teardown fails", async () => {
    const outcome = await run("telling", { teardown: "throws" });

    expect(outcome).toMatchObject({ end: "success", perform: { error: null } });
    expect(logsOf(outcome).at(-1)).toBe("error teardown failed: cannot close");
  });

  it("are one handler that is told its phase", async () => {
    expect(await run("seed")).toMatchObject({
      end: "success",
      check: { output: { shouldPerform: true, performPayload: { files: 2 } } },
      perform: { output: { backed_up: 2 } },
    });
  });
});

describe("after a time-out", () => {
  const limit = { performTimeoutMs: 300 };
  const timedOut = {
    end: "failed",
    error: { code: "TIMEOUT", message: "perform took longer than its limit of 300 ms" },
    retryable: true,
    perform: { error: { code: "TIMEOUT" } },
    rollback: { output: "undone", error: null },
  };

  it("a perform that stops is rolled back where it ran", async () => {
    const outcome = await run("telling", { at: "perform", how: "stops" }, limit);

    expect(outcome).toMatchObject(timedOut);
    expect(logsOf(outcome).filter((line) => line === "info setup")).toHaveLength(1);
  });

  it.each(["hangs", "blocks"])("one that %s is rolled back in another process, once its own is gone", async (how) => {
    const outcome = await run("telling", { at: "perform", how }, limit);

    expect(outcome).toMatchObject(timedOut);
    expect(outcome.rollback?.logs).toEqual([
      "info setup",
      `info rollback rollback 7 {"code":"TIMEOUT","message":"perform took longer than its limit of 300 ms"} ${OPENED}`,
      `info teardown ${OPENED}`,
    ]);
  });

  it("a check is not rolled back, and is torn down all the same", async () => {
    const outcome = await run("telling", { at: "check", how: "blocks" }, { checkTimeoutMs: 300 });

    expect(outcome).toMatchObject({ end: "failed", error: { code: "TIMEOUT" }, perform: null, rollback: null });
    // What the first process has opened is gone with it.
    expect(outcome.check?.logs).toEqual(["info teardown undefined"]);
  });

  it("of the whole attempt, the reason is what stopped it", async () => {
    const stop = new AbortController();
    const outcome = run("telling", { at: "perform", how: "stops" }, { signal: stop.signal });
    await sleep(300);
    stop.abort(Object.assign(new Error("cancelled while it ran"), { code: "CANCELLED" }));

    expect(await outcome).toMatchObject({
      error: { code: "CANCELLED", message: "cancelled while it ran" },
      retryable: false,
      rollback: { output: "undone" },
    });
  });
});

describe("a process that ends", () => {
  it("fails the execution that ended it, which is rolled back in another one", async () => {
    const outcome = await run("telling", { at: "perform", how: "exits" });

    expect(outcome).toMatchObject({
      end: "failed",
      error: { code: "FUNCTION_CRASHED", message: "the process of the function called process.exit(3)" },
      retryable: true,
      check: { error: null },
      rollback: { output: "undone" },
    });
  });

  it("while several ran in it leaves all of them lost, since nobody knows which it was", async () => {
    await run("mixed"); // the host is there
    const outcomes = await Promise.all([run("mixed", { how: "exits", ms: 60_000 }), run("mixed", { ms: 60_000 })]);

    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        end: "lost",
        message: "the process of the function called process.exit(1), while others of its executions ran in it",
      });
    }
  });

  it("since one of them blocked it leaves the others lost, and fails that one", async () => {
    await run("mixed");
    const sibling = run("mixed", { ms: 60_000 });
    await sleep(100);
    const blocking = run("mixed", { how: "blocks" }, { performTimeoutMs: 300 });

    expect(await blocking).toMatchObject({ end: "failed", error: { code: "TIMEOUT" } });
    expect(await sibling).toMatchObject({ end: "lost", message: expect.stringContaining("blocked it") });
  });
});

describe("a process that is blocked", () => {
  it("keeps no later execution of its function waiting", async () => {
    const first = await run("mixed");
    let over = false;
    const blocking = run("mixed", { how: "blocks" }, { performTimeoutMs: 5_000 }).finally(() => {
      over = true;
    });
    await sleep(50);
    const others = await Promise.all([1, 2, 3].map(() => run("mixed")));

    expect(others.map(({ end }) => end)).toEqual(["success", "success", "success"]);
    expect(over).toBe(false);
    expect(others[0]?.perform?.output).not.toBe(first.perform?.output);
    expect(await blocking).toMatchObject({ end: "failed", error: { code: "TIMEOUT" } });
  });

  it("leaves what it has not read to another one", async () => {
    await run("mixed");
    const blocking = run("mixed", { how: "blocks later", ms: 60_000 }, { performTimeoutMs: 500 });
    // It has just answered, so it is given more before anybody can know.
    await sleep(60);
    const unread = run("mixed");

    expect(await blocking).toMatchObject({ end: "failed", error: { code: "TIMEOUT" } });
    expect(await unread).toMatchObject({ end: "success" });
  });
});

describe("a perform that has to be asked for", () => {
  it("is asked for once the attempt is old, and is not called when that is refused", async () => {
    let asked = 0;
    const mayPerform = async () => {
      asked++;
      return false;
    };
    const outcome = await run("telling", {}, { askAfter: 0, mayPerform });

    expect(outcome).toMatchObject({ end: "stopped", check: { error: null }, perform: null, rollback: null });
    expect(logsOf(outcome).at(-1)).toBe(`info teardown ${OPENED}`);
    expect(asked).toBe(1);
  });

  it("is called when it is granted", async () => {
    expect(await run("telling", {}, { askAfter: 0 })).toMatchObject({ end: "success" });
  });
});

describe("a payload", () => {
  it("is given as the function's input has read it", async () => {
    expect(await run("picky", { n: 3 })).toMatchObject({
      end: "success",
      perform: { output: { parsed: "bigint", raw: { n: 3 } } },
    });
  });

  it("that the input refuses fails the execution for good, with the paths", async () => {
    expect(await run("picky", { n: "three" })).toMatchObject({
      end: "failed",
      error: { code: "PAYLOAD_INVALID", message: "payload.n: must be a number; payload.list.3: no" },
      retryable: false,
    });
  });
});

describe("progress and heartbeat", () => {
  it("begin the phase's limit anew, and tell how far it is", async () => {
    const seen: Progress[] = [];
    const outcome = await run("busy", { beats: true }, { performTimeoutMs: 900, onProgress: (p) => seen.push(p) });

    expect(outcome).toMatchObject({ end: "success" });
    expect(seen.at(-1)).toMatchObject({ percent: 100, text: "step 10" });
    // At most once a second, and with the verdict.
    expect(seen.length).toBeLessThanOrEqual(3);
  });

  it("without which the limit holds", async () => {
    expect(await run("busy", {}, { performTimeoutMs: 900 })).toMatchObject({
      end: "failed",
      error: { code: "TIMEOUT" },
    });
  });
});

it("records what a phase has used", async () => {
  const { perform } = await run("plain");
  expect(perform?.resources).toEqual({
    cpu_ms: expect.any(Number),
    max_rss_mb: expect.any(Number),
    wall_ms: perform?.duration_ms,
  });
  expect(perform?.resources?.max_rss_mb).toBeGreaterThan(10);
});

it("hands on the worker's environment without the addresses and keys of Belfry's servers", async () => {
  const { perform } = await run("env");
  expect(perform?.output).toMatchObject({ MY_SETTING: "mine", PATH: process.env.PATH });
  expect(JSON.stringify(perform?.output)).not.toContain("secret");
});

it("lets executions of a function wait for a process when there are as many as may be", async () => {
  const small = createHostPool({ limit: 1, memoryMb: 128, onNotice: () => undefined });
  try {
    const [slow, other] = await Promise.all([run("mixed", { ms: 300 }, {}, small), run("plain", {}, {}, small)]);
    expect([slow.end, other.end]).toEqual(["success", "success"]);
    expect(small.count()).toBe(1);
  } finally {
    await small.close();
  }
});
