/** The circuit breaker as a cluster has it: two workers, a scheduler, and a server that fails and recovers. */
import { createFunctionBody } from "@belfry/contract/function.ts";
import { resetBreaker } from "@belfry/db/breaker.ts";
import { cancelExecution } from "@belfry/db/executions.ts";
import { createFunction, getFunction } from "@belfry/db/functions.ts";
import { pauseJob, runJob } from "@belfry/db/jobs.ts";
import { getExecution } from "@belfry/db/read-executions.ts";
import { makeAccount, makeJob, openTestLedger, type TestAccount, type TestLedger } from "@belfry/testing/factories.ts";
import { type AppProcess, startApp } from "@belfry/testing/processes.ts";
import { createTestRedis } from "@belfry/testing/redis.ts";
import { startTarget, type Target, type TargetAnswer } from "@belfry/testing/target.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";

let ledger: TestLedger;
let account: TestAccount;
let target: Target;
let scheduler: AppProcess;
let workers: AppProcess[];

beforeAll(async () => {
  ledger = await openTestLedger();
  account = await makeAccount(ledger.db);
  target = await startTarget();
  const redis = createTestRedis();
  const env = {
    DATABASE_URL: ledger.url,
    REDIS_URL: redis.url,
    BELFRY_QUEUE_PREFIX: redis.prefix,
    BELFRY_DRAIN_MS: "4000",
    BELFRY_HTTP_ALLOW: "127.0.0.1",
    LOG_LEVEL: "debug",
  };
  [scheduler, ...workers] = await Promise.all([
    startApp("scheduler", env),
    startApp("worker", env),
    startApp("worker", env),
  ]);
  // Processes take their time to start on a busy machine.
}, 90_000);
afterAll(async () => {
  await Promise.all([scheduler, ...workers].map((process) => process.kill("SIGKILL")));
  await ledger.close();
  await target.close();
});

/** A function without a check that answers so. */
async function functionThat(answer: TargetAnswer, breaker: Record<string, number>): Promise<string> {
  const path = `/${crypto.randomUUID()}`;
  target.on(path, answer);
  const body = { name: path, kind: "http", url: target.url + path, check: false, breaker };
  return (await createFunction(ledger.db, account.accountId, createFunctionBody.parse(body))).id;
}
const jobOf = (functionId: string, job: Record<string, unknown> = {}) =>
  makeJob(ledger.db, account, { function_id: functionId, schedule: "0 0 1 1 *", ...job });
const run = async (jobId: string) => (await runJob(ledger.db, account.accountId, jobId))?.executionId as string;
const runs = async (functionId: string, n: number) => {
  const jobId = await jobOf(functionId);
  return Promise.all(Array.from({ length: n }, () => run(jobId)));
};
async function read(executionId: string) {
  const found = await getExecution(ledger.db, account.accountId, executionId);
  return { ...(found?.execution as NonNullable<typeof found>["execution"]), attempts: found?.attempts ?? [] };
}
async function ended(executionId: string, timeout = 15_000) {
  await expect.poll(async () => (await read(executionId)).completedAt, { timeout, interval: 50 }).not.toBeNull();
  return read(executionId);
}
const breakerOf = async (functionId: string) => {
  const fn = await getFunction(ledger.db, account.accountId, functionId);
  return { state: fn?.breakerState, opened: fn?.breakerOpened, failed: fn?.breakerFailed };
};
const stateOf = async (functionId: string) => (await breakerOf(functionId)).state;
/** Resolves when an execution was claimed and put off. */
const postponed = (executionId: string) =>
  expect
    .poll(() => workers.some(({ log }) => log.some(isPostponement(executionId))), { timeout: 10_000, interval: 20 })
    .toBe(true);
const isPostponement = (executionId: string) => (line: Record<string, unknown>) =>
  line.execution_id === executionId && String(line.msg).startsWith("postponed");
const callsOf = (ids: string[]) => target.calls.filter((call) => ids.includes(call.executionId)).length;
/** Lets one execution try at once. */
const untilRetry = (functionId: string) =>
  ledger.db.execute(sql`update functions set breaker_retry_at = now() where id = ${functionId}`);
const fails: TargetAnswer = (_call, response) => void response.writeHead(503).end();

async function opened(answer: TargetAnswer, openSeconds = 300): Promise<string> {
  const functionId = await functionThat(answer, { failures: 2, open_seconds: openSeconds });
  for (const id of await runs(functionId, 2)) await ended(id);
  expect(await stateOf(functionId)).toBe("open");
  return functionId;
}

it("opens after failures in a row, postpones without using up an attempt, and lets everything run once the function has recovered", async () => {
  let healthy = false;
  const functionId = await functionThat(
    (_call, response) => (healthy ? { ok: true } : void response.writeHead(503).end()),
    {
      failures: 3,
      open_seconds: 1,
    },
  );
  const failing = await runs(functionId, 3);
  for (const id of failing) expect(await ended(id)).toMatchObject({ status: "failed", error: { code: "HTTP_STATUS" } });
  expect(await stateOf(functionId)).toBe("open");
  await ledger.db.execute(
    sql`update functions set breaker_retry_at = now() + interval '1 hour' where id = ${functionId}`,
  );

  const waiting = await runs(functionId, 20);
  await Promise.all(waiting.map(postponed));
  expect(await read(waiting[0] as string)).toMatchObject({ status: "pending", attempt: 1, worker: null, attempts: [] });
  healthy = true;
  await untilRetry(functionId);
  await ledger.db.execute(sql`
    update executions set available_at = now(), publish_at = now()
    where status = 'pending' and job_id = (select job_id from executions where id = ${waiting[0]})`);
  for (const id of waiting)
    expect(await ended(id, 20_000)).toMatchObject({ status: "success", attempt: 1, attempts: [] });
  expect(await breakerOf(functionId)).toEqual({ state: "closed", opened: 0, failed: 0 });
  expect(callsOf(waiting)).toBe(20);
});

it("lets one execution of the whole cluster try at a time", async () => {
  const answered = Promise.withResolvers<void>();
  let healthy = false;
  const functionId = await opened(async (_call, response) => {
    if (!healthy) return void response.writeHead(500).end();
    await answered.promise;
    return { ok: true };
  });
  healthy = true;
  await untilRetry(functionId);
  const waiting = await runs(functionId, 30);
  await expect
    .poll(() => waiting.filter((id) => workers.some(({ log }) => log.some(isPostponement(id)))).length, {
      timeout: 10_000,
    })
    .toBe(29);
  expect(callsOf(waiting)).toBe(1);
  expect(await stateOf(functionId)).toBe("half_open");
  answered.resolve();
  await expect.poll(() => stateOf(functionId), { timeout: 5_000 }).toBe("closed");
  await resetBreaker(ledger.db, account.accountId, functionId);
  for (const id of waiting) expect(await ended(id)).toMatchObject({ status: "success", attempt: 1, attempts: [] });
});

it("opens again when the try fails", async () => {
  const functionId = await opened(fails);
  await untilRetry(functionId);
  const [tried] = await runs(functionId, 1);
  await ended(tried as string);
  expect(await breakerOf(functionId)).toEqual({ state: "open", opened: 2, failed: 3 });
});

it("tries again with another execution when the one that tries is cancelled", async () => {
  let healthy = false;
  const functionId = await opened((call, response) => {
    if (!healthy) return void response.writeHead(500).end();
    return call.executionId === hung ? new Promise(() => undefined) : { ok: true };
  });
  healthy = true;
  await untilRetry(functionId);
  const hung = await run(await jobOf(functionId));
  await expect.poll(() => callsOf([hung]), { timeout: 10_000 }).toBe(1);
  await cancelExecution(ledger.db, account.accountId, hung);
  expect(await ended(hung)).toMatchObject({ status: "cancelled" });
  expect(await breakerOf(functionId)).toMatchObject({ state: "open", opened: 1 });
  const [next] = await runs(functionId, 1);
  expect(await ended(next as string)).toMatchObject({ status: "success" });
  expect(await stateOf(functionId)).toBe("closed");
});

it("tries again with another execution when the worker of the one that tries dies", async () => {
  let healthy = false;
  const functionId = await opened((call, response) => {
    if (!healthy) return void response.writeHead(500).end();
    return call.executionId === hung && call.attempt === 1 ? new Promise(() => undefined) : { ok: true };
  });
  healthy = true;
  await untilRetry(functionId);
  const hung = await run(await jobOf(functionId));
  await expect.poll(() => callsOf([hung]), { timeout: 10_000 }).toBe(1);
  // As if its worker had died and was counted as lost: the attempt is recorded as such, and the next one is claimed by another.
  await ledger.db.execute(sql`
    update executions set attempt = 2, status = 'pending', worker = null, started_at = null, dispatch = 0,
      available_at = now(), publish_at = now() where id = ${hung}`);
  await untilRetry(functionId);
  expect(await ended(hung)).toMatchObject({ status: "success", attempt: 2 });
  expect(await stateOf(functionId)).toBe("closed");
});

it("skips or cancels what is postponed as anything that waits", async () => {
  const functionId = await opened(fails);
  const jobId = await jobOf(functionId);
  const [paused, cancelled] = [await run(jobId), await run(await jobOf(functionId))];
  await Promise.all([paused, cancelled].map(postponed));
  await pauseJob(ledger.db, account.accountId, jobId);
  expect(await read(paused)).toMatchObject({ status: "skipped", skipReason: "paused" });
  expect(await cancelExecution(ledger.db, account.accountId, cancelled)).toBe("cancelled");
  expect(callsOf([paused, cancelled])).toBe(0);
});

it("stays closed for what the caller has done wrong, and is not written for a function that works", async () => {
  const functionId = await functionThat(
    ({ event }, response) => {
      const { payload } = event.belfry as { payload: { wrong: boolean } };
      return payload.wrong ? void response.writeHead(422).end() : { ok: true };
    },
    { failures: 1, open_seconds: 300 },
  );
  const rowVersion = async () =>
    (await ledger.db.execute<{ xmin: string }>(sql`select xmin::text from functions where id = ${functionId}`)).rows[0];
  const before = await rowVersion();
  for (const wrong of [true, false, true]) await ended(await run(await jobOf(functionId, { payload: { wrong } })));
  expect(await stateOf(functionId)).toBe("closed");
  expect(await rowVersion()).toEqual(before);
});

it("never opens for a function that switches it off", async () => {
  const functionId = await functionThat(fails, { failures: 0 });
  for (const id of await runs(functionId, 10)) expect(await ended(id)).toMatchObject({ status: "failed" });
  expect(await breakerOf(functionId)).toEqual({ state: "closed", opened: 0, failed: 0 });
});
