/** Functions that answer later, against a real cluster: the API, a scheduler, two workers and an HTTP server. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { createFunctionBody } from "@belfry/contract/function.ts";
import { cancelExecution } from "@belfry/db/executions.ts";
import { createFunction } from "@belfry/db/functions.ts";
import { pauseJob, runJob } from "@belfry/db/jobs.ts";
import { getExecution } from "@belfry/db/read-executions.ts";
import { makeAccount, makeJob, openTestLedger, type TestAccount, type TestLedger } from "@belfry/testing/factories.ts";
import { type AppProcess, startApp } from "@belfry/testing/processes.ts";
import { createTestRedis } from "@belfry/testing/redis.ts";
import { startTarget, type Target, type TargetAnswer, type TargetCall } from "@belfry/testing/target.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let ledger: TestLedger;
let account: TestAccount;
let target: Target;
let env: Record<string, string>;
let processes: AppProcess[] = [];

beforeAll(async () => {
  ledger = await openTestLedger();
  account = await makeAccount(ledger.db);
  target = await startTarget();
  const redis = createTestRedis();
  const port = await freePort();
  env = {
    DATABASE_URL: ledger.url,
    REDIS_URL: redis.url,
    BELFRY_QUEUE_PREFIX: redis.prefix,
    BELFRY_PUBLIC_URL: `http://127.0.0.1:${port}/`,
    BELFRY_HTTP_ALLOW: "127.0.0.1",
    BELFRY_DRAIN_MS: "6000",
    PORT: String(port),
    HOST: "127.0.0.1",
    LOG_LEVEL: "debug",
  };
  processes = await Promise.all([
    startApp("api", env),
    startApp("scheduler", env),
    // Of one slot: whatever waits and holds it keeps all the others from running.
    startApp("worker", { ...env, BELFRY_CONCURRENCY: "1" }),
  ]);
  // Processes take their time to start on a busy machine.
}, 90_000);
afterAll(async () => {
  await Promise.all(processes.map((process) => process.kill("SIGKILL")));
  await ledger.close();
  await target.close();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

type Callback = { url: string; token: string };
const callbackOf = ({ event }: Pick<TargetCall, "event">) => (event.belfry as { callback: Callback }).callback;
const post = ({ url, token }: Callback, what: "complete" | "heartbeat", body?: unknown) =>
  fetch(`${url}/${what}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });

/** A job whose function answers so; without a check unless told otherwise. */
async function jobThat(
  answer: TargetAnswer,
  job: Record<string, unknown> = {},
  { check = false } = {},
): Promise<string> {
  const path = `/${crypto.randomUUID()}`;
  target.on(path, answer);
  const body = createFunctionBody.parse({ name: path, kind: "http", url: target.url + path, check });
  const { id } = await createFunction(ledger.db, account.accountId, body);
  return makeJob(ledger.db, account, { function_id: id, schedule: "0 0 1 1 *", ...job });
}
const run = async (jobId: string) => (await runJob(ledger.db, account.accountId, jobId))?.executionId as string;
async function read(executionId: string) {
  const found = await getExecution(ledger.db, account.accountId, executionId);
  return { ...(found?.execution as NonNullable<typeof found>["execution"]), attempts: found?.attempts ?? [] };
}
async function ended(executionId: string, timeout = 15_000) {
  await expect.poll(async () => (await read(executionId)).completedAt, { timeout, interval: 50 }).not.toBeNull();
  return read(executionId);
}
const takesOn: TargetAnswer = (_call, response) => void response.writeHead(202).end("taken on");

/** Runs a job until its function has taken a phase on and the worker knows it; gives what it is answered with. */
async function takenOn(
  job: Record<string, unknown> = {},
  jobId?: string,
): Promise<Callback & { executionId: string; jobId: string }> {
  const id = jobId ?? (await jobThat(takesOn, job));
  const executionId = await run(id);
  return { ...(await untilWaiting(executionId)), executionId, jobId: id };
}
async function untilWaiting(executionId: string, calls = 1): Promise<Callback> {
  const mine = () => target.calls.filter((call) => call.executionId === executionId);
  await expect.poll(() => mine().length, { timeout: 10_000, interval: 20 }).toBe(calls);
  const { attempt, phase } = mine().at(-1) as TargetCall;
  const accepted = () =>
    ledger.db.execute(`select from callbacks where execution_id = '${executionId}' and attempt = ${attempt}
      and phase = '${phase}' and accepted_at is not null`);
  await expect.poll(async () => (await accepted()).rowCount, { timeout: 5_000, interval: 20 }).toBe(1);
  return callbackOf(mine().at(-1) as TargetCall);
}

describe("a function that answers 202", () => {
  it("ends its phases by calls of its own, a check as well", async () => {
    const jobId = await jobThat(takesOn, {}, { check: true });
    const executionId = await run(jobId);
    const check = await untilWaiting(executionId, 1);
    expect((await post(check, "complete", { output: { shouldPerform: true, performPayload: { n: 7 } } })).status).toBe(
      200,
    );
    const perform = await untilWaiting(executionId, 2);
    expect(perform.token).not.toBe(check.token);
    expect((await post(perform, "complete", { output: { rows: 3 } })).status).toBe(200);
    expect(await ended(executionId)).toMatchObject({
      status: "success",
      attempt: 1,
      check: { output: { shouldPerform: true, performPayload: { n: 7 } } },
      perform: { input: { n: 7 }, output: { rows: 3 } },
    });
  });

  it("is answered for in the records, which hold no token", async () => {
    const waiting = await takenOn();
    await post(waiting, "complete", { output: null });
    const { perform } = await ended(waiting.executionId);
    const callback = { url: waiting.url, token: "[secret]" };
    expect(perform?.input).toMatchObject({ belfry: { callback } });
    expect(JSON.stringify(perform)).not.toContain(waiting.token.slice(-40));
  });

  it("does not hold a slot while it waits: a worker of one slot runs others meanwhile", async () => {
    const waiting = [await takenOn(), await takenOn(), await takenOn()];
    expect(await ended(await run(await jobThat(() => ({ ok: true }))))).toMatchObject({ status: "success" });
    for (const one of waiting) expect((await read(one.executionId)).status).toBe("running");
    for (const one of waiting) await post(one, "complete", { output: 1 });
    for (const one of waiting) expect(await ended(one.executionId)).toMatchObject({ status: "success" });
  });

  it("may answer before its 202 has arrived", async () => {
    const executionId = await run(
      await jobThat(async (call, response) => {
        expect((await post(callbackOf(call), "heartbeat")).status).toBe(200);
        expect((await post(callbackOf(call), "complete", { output: "early" })).status).toBe(200);
        response.writeHead(202).end();
      }),
    );
    expect(await ended(executionId)).toMatchObject({ status: "success", attempt: 1, perform: { output: "early" } });
  });

  it("has answered also when its response does not arrive", async () => {
    const executionId = await run(
      await jobThat(async (call, response) => {
        await post(callbackOf(call), "complete", { output: "done all the same" });
        response.destroy();
      }),
    );
    expect(await ended(executionId)).toMatchObject({ status: "success", perform: { output: "done all the same" } });
  });

  it.each<[string, TargetAnswer]>([
    ["a proxy's 502", (_, response) => void response.writeHead(502).end("Bad Gateway")],
    ["a 404", (_, response) => void response.writeHead(404).end()],
    [
      "a redirect to where nothing may be called",
      (_, response) => void response.writeHead(307, { location: "http://10.0.0.1/" }).end(),
    ],
    ["what is not JSON", (_, response) => void response.end("fine")],
    ["what no check answers", () => ({ fine: true })],
  ])("has answered also when its response is %s", async (_, respond) => {
    const output = { shouldPerform: false };
    const answer: TargetAnswer = async (call, response) => {
      expect((await post(callbackOf(call), "complete", { output })).status).toBe(200);
      return respond(call, response);
    };
    const executionId = await run(await jobThat(answer, {}, { check: true }));
    expect(await ended(executionId)).toMatchObject({ status: "skipped", attempt: 1, check: { output } });
  });

  it("is too late when its response has failed, also while another attempt is to come", async () => {
    const executionId = await run(
      await jobThat((_, response) => void response.writeHead(502).end(), {
        retry: { attempts: 2, backoff_ms: 60_000 },
      }),
    );
    await expect.poll(async () => (await read(executionId)).attempt, { timeout: 10_000 }).toBe(2);
    const [call] = target.calls.filter((one) => one.executionId === executionId) as [TargetCall];
    const late = await post(callbackOf(call), "complete", { output: 1 });
    expect([late.status, ((await late.json()) as { code: string }).code]).toEqual([409, "CALLBACK_CLOSED"]);
  });

  it("has a check that it answered in the response refused once its perform was taken on", async () => {
    const answer: TargetAnswer = (call, response) =>
      call.phase === "check" ? { shouldPerform: true } : takesOn(call, response);
    const executionId = await run(await jobThat(answer, {}, { check: true }));
    const perform = await untilWaiting(executionId, 2);
    const [check] = target.calls.filter((one) => one.executionId === executionId) as [TargetCall];
    const again = await post(callbackOf(check), "complete", { output: { shouldPerform: false } });
    expect([again.status, ((await again.json()) as { code: string }).code]).toEqual([409, "CALLBACK_ANSWERED"]);
    await post(perform, "complete", { output: 1 });
    expect(await ended(executionId)).toMatchObject({ status: "success" });
  });

  it("may say that it has failed, and whether to try again", async () => {
    const failing = await takenOn({ retry: { attempts: 2, backoff_ms: 10 } });
    await post(failing, "complete", { error: { message: "the disk is full" } });
    const second = await untilWaiting(failing.executionId, 2);
    expect((await post(failing, "complete", { output: "of the first attempt" })).status).toBe(409);
    await post(second, "complete", { error: { message: "the customer is gone", retryable: false } });
    expect(await ended(failing.executionId)).toMatchObject({
      status: "failed",
      attempt: 2,
      error: { code: "FUNCTION_ERROR", message: "the customer is gone" },
      attempts: [{ outcome: "failed", error: { code: "FUNCTION_ERROR", message: "the disk is full" } }],
    });
  });

  it("is held to what a check has to answer", async () => {
    const executionId = await run(await jobThat(takesOn, {}, { check: true }));
    await post(await untilWaiting(executionId), "complete", { output: { perform: "please" } });
    expect(await ended(executionId)).toMatchObject({ status: "failed", error: { code: "CHECK_INVALID" } });
  });

  it("answers what Postgres would not store, which is cleaned as any output", async () => {
    const waiting = await takenOn();
    await post(waiting, "complete", { output: { text: "a\u0000b\ud800" } });
    expect(await ended(waiting.executionId)).toMatchObject({ perform: { output: { text: "a\ufffdb\ufffd" } } });
  });
});

describe("the time limits", () => {
  it("end the waiting: an answer after that is too late", async () => {
    const waiting = await takenOn({ perform_timeout_ms: 600 });
    expect(await ended(waiting.executionId)).toMatchObject({ status: "failed", error: { code: "TIMEOUT" } });
    const late = await post(waiting, "complete", { output: 1 });
    expect([late.status, ((await late.json()) as { code: string }).code]).toEqual([409, "CALLBACK_CLOSED"]);
  });

  it("of a phase begins anew with each heartbeat", async () => {
    const waiting = await takenOn({ perform_timeout_ms: 1_500 });
    const startedAt = Date.now();
    // Each well within the limit of the one before; together beyond it.
    while (Date.now() - startedAt < 3_000) {
      expect((await post(waiting, "heartbeat")).status).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect((await read(waiting.executionId)).status).toBe("running");
    await post(waiting, "complete", { output: "after two limits" });
    expect(await ended(waiting.executionId)).toMatchObject({
      status: "success",
      perform: { output: "after two limits" },
    });
  });

  it.each([200, 202])(
    "of a phase begins anew also while the connection is held, until it answers %i",
    async (status) => {
      const beating: TargetAnswer = async (call, response) => {
        const startedAt = Date.now();
        while (Date.now() - startedAt < 3_000) {
          expect((await post(callbackOf(call), "heartbeat")).status).toBe(200);
          await new Promise((resolve) => setTimeout(resolve, 300));
        }
        if (status === 202) await post(callbackOf(call), "complete", { output: "after two limits" });
        response.writeHead(status, { "content-type": "application/json" }).end('"after two limits"');
      };
      const executionId = await run(await jobThat(beating, { perform_timeout_ms: 1_500 }));
      expect(await ended(executionId)).toMatchObject({ status: "success", perform: { output: "after two limits" } });
    },
  );

  it("of a phase holds when the heartbeats end, and the connection goes on", async () => {
    const silent: TargetAnswer = async (call) => void (await post(callbackOf(call), "heartbeat"));
    const executionId = await run(await jobThat(silent, { perform_timeout_ms: 600 }));
    expect(await ended(executionId)).toMatchObject({ status: "failed", error: { code: "TIMEOUT" } });
  });

  it("of the attempt holds, whatever the heartbeats", async () => {
    const waiting = await takenOn({ timeout_ms: 2_000, perform_timeout_ms: 1_500 });
    let alive = true;
    const beating = (async () => {
      for (; alive; await new Promise((resolve) => setTimeout(resolve, 200))) await post(waiting, "heartbeat");
    })();
    const error = { code: "TIMEOUT", message: "the attempt took longer than its limit of 2000 ms" };
    expect(await ended(waiting.executionId)).toMatchObject({ status: "failed", error });
    alive = false;
    await beating;
  });
});

describe("while it waits", () => {
  it("is cancelled as anything that runs", async () => {
    const waiting = await takenOn();
    expect(await cancelExecution(ledger.db, account.accountId, waiting.executionId)).toBe("requested");
    expect(await ended(waiting.executionId, 5_000)).toMatchObject({
      status: "cancelled",
      error: { code: "CANCELLED" },
    });
    expect((await post(waiting, "complete", { output: 1 })).status).toBe(409);
  });

  it("a pause lets its perform end, and keeps a check from going on to one", async () => {
    const perform = await takenOn();
    const checkJob = await jobThat(takesOn, {}, { check: true });
    const check = await takenOn({}, checkJob);
    // The check has to have taken long by the worker's own clock as well: only then is the job looked at again.
    await expect
      .poll(async () => Date.now() - ((await read(check.executionId)).startedAt?.getTime() as number))
      .toBeGreaterThan(200);
    await pauseJob(ledger.db, account.accountId, perform.jobId);
    await pauseJob(ledger.db, account.accountId, checkJob);
    await post(perform, "complete", { output: 1 });
    await post(check, "complete", { output: { shouldPerform: true } });
    expect(await ended(perform.executionId)).toMatchObject({ status: "success" });
    expect(await ended(check.executionId)).toMatchObject({ status: "skipped", skipReason: "paused", perform: null });
  });

  it("is seen also when nobody tells the worker of it", async () => {
    const waiting = await takenOn();
    await ledger.db.execute(`update callbacks set answered_at = now(), answer = '{"output":"found"}'
      where execution_id = '${waiting.executionId}'`);
    expect(await ended(waiting.executionId)).toMatchObject({ status: "success", perform: { output: "found" } });
  });
});

describe("a worker that is shut down while something waits", () => {
  it("waits for the answer as for anything that runs, and hands back what does not come", async () => {
    const worker = await startApp("worker", { ...env, BELFRY_POOL: "draining" });
    const job = { pool: "draining", retry: { attempts: 1 } };
    const [answered, silent] = [await takenOn(job), await takenOn(job)];
    const stopped = worker.kill("SIGTERM");
    await expect.poll(() => worker.log.some(({ msg }) => msg === "draining"), { timeout: 5_000 }).toBe(true);
    expect((await post(answered, "complete", { output: "in time" })).status).toBe(200);
    expect(await ended(answered.executionId)).toMatchObject({ status: "success", perform: { output: "in time" } });
    expect(await stopped).toEqual({ code: 0, signal: null });
    const late = await post(silent, "complete", { output: "too late" });
    expect(late.status).toBe(409);
    expect(await read(silent.executionId)).toMatchObject({
      attempt: 2,
      attempts: [{ attempt: 1, outcome: "lost", error: { code: "WORKER_STOPPED" } }],
    });
  });

  it("records what was answered by a call although the response is still to come", async () => {
    const worker = await startApp("worker", { ...env, BELFRY_POOL: "stopping", BELFRY_DRAIN_MS: "2500" });
    const answered = Promise.withResolvers<number>();
    const answer: TargetAnswer = async (call) =>
      answered.resolve((await post(callbackOf(call), "complete", { output: "taken" })).status);
    const executionId = await run(await jobThat(answer, { pool: "stopping" }));
    expect(await answered.promise).toBe(200);
    expect((await read(executionId)).status).toBe("running");
    await worker.kill("SIGTERM");
    expect(await read(executionId)).toMatchObject({ status: "success", attempt: 1, perform: { output: "taken" } });
  });

  it("loses it if it dies, and a late answer is refused", async () => {
    const worker = await startApp("worker", { ...env, BELFRY_POOL: "dying" });
    const waiting = await takenOn({ pool: "dying", delivery: "at_most_once" });
    await worker.kill("SIGKILL");
    expect(await ended(waiting.executionId, 25_000)).toMatchObject({
      status: "failed",
      error: { code: "WORKER_LOST" },
    });
    expect((await post(waiting, "complete", { output: 1 })).status).toBe(409);
  });
});

describe("without an address of the API", () => {
  it("functions cannot answer later: a 202 is an answer like any other", async () => {
    const { BELFRY_PUBLIC_URL: _, ...without } = env;
    const worker = await startApp("worker", { ...without, BELFRY_POOL: "at-once" });
    const executionId = await run(await jobThat(takesOn, { pool: "at-once" }));
    expect(await ended(executionId)).toMatchObject({ status: "success", perform: { output: "taken on" } });
    expect(target.calls.find((call) => call.executionId === executionId)?.event.belfry).not.toHaveProperty("callback");
    await worker.kill("SIGKILL");
  });
});
