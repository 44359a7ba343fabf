/** Uploaded functions from end to end: a real worker process, and what the ledger then says. */
import { createFunctionBody } from "@belfry/contract/function.ts";
import { askForTest, forgetOldTests, takeAnswer } from "@belfry/db/function-tests.ts";
import { makeCurrent } from "@belfry/db/function-versions.ts";
import { createFunction, getFunction, patchFunction } from "@belfry/db/functions.ts";
import { runJob } from "@belfry/db/jobs.ts";
import { getExecution } from "@belfry/db/read-executions.ts";
import type { SandboxLanguage } from "@belfry/runners/sandbox-messages.ts";
import { createSandboxPool } from "@belfry/runners/sandbox-pool.ts";
import {
  makeAccount,
  makeJob,
  openTestLedger,
  rowsOf,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { type AppProcess, startApp } from "@belfry/testing/processes.ts";
import { createTestRedis } from "@belfry/testing/redis.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NO_JOB } from "./run-test.ts";

let ledger: TestLedger;
let account: TestAccount;
let apps: AppProcess[];
const pool = createSandboxPool({ places: 1 });

beforeAll(async () => {
  ledger = await openTestLedger();
  account = await makeAccount(ledger.db);
  const redis = createTestRedis();
  const env = {
    DATABASE_URL: ledger.url,
    REDIS_URL: redis.url,
    BELFRY_QUEUE_PREFIX: redis.prefix,
    BELFRY_DRAIN_MS: "4000",
  };
  apps = await Promise.all([startApp("scheduler", env), startApp("worker", env)]);
});
afterAll(async () => {
  await Promise.all(apps.map((app) => app.kill("SIGTERM")));
  await pool.close();
  await ledger.close();
});

async function compile(source: string, language: SandboxLanguage = "javascript") {
  const outcome = await pool.compile("a", source, language);
  if (!outcome.ok) throw new Error(outcome.message);
  return { source, language, code: outcome.code, check: outcome.check };
}

let names = 0;
async function upload(source: string, fields: Record<string, unknown> = {}): Promise<string> {
  const body = createFunctionBody.parse({ name: `uploaded ${++names}`, kind: "sandbox", source, ...fields });
  return (await createFunction(ledger.db, account.accountId, body, await compile(source))).id;
}

async function run(jobId: string) {
  const executionId = (await runJob(ledger.db, account.accountId, jobId))?.executionId as string;
  const read = async () => (await getExecution(ledger.db, account.accountId, executionId))?.execution;
  await expect.poll(async () => (await read())?.completedAt ?? null, { timeout: 20_000 }).not.toBeNull();
  return read();
}

const jobOn = (functionId: string, fields: Record<string, unknown> = {}) =>
  makeJob(ledger.db, { ...account, functionId }, { schedule: "0 0 1 1 *", ...fields });

describe("an uploaded function", () => {
  const handler = (n: number) => `
    export async function handler(event, { payload }) {
      if (event.phase === "check") return { shouldPerform: payload !== "no", performPayload: { n: ${n} } };
      console.log("performing", event.n);
      return { n: event.n, city: payload.city };
    }`;

  it("is checked and performed, and each execution says which version ran", async () => {
    const functionId = await upload(handler(1));
    const jobId = await jobOn(functionId, { payload: { city: "Ulm" } });
    expect(await run(jobId)).toMatchObject({
      status: "success",
      functionVersion: 1,
      check: { output: { shouldPerform: true, performPayload: { n: 1 } } },
      perform: { output: { n: 1, city: "Ulm" }, logs: ["info performing 1"] },
    });

    const next = handler(2);
    await patchFunction(ledger.db, account.accountId, functionId, { source: next }, await compile(next));
    expect(await run(jobId)).toMatchObject({ functionVersion: 2, perform: { output: { n: 2 } } });

    await makeCurrent(ledger.db, account.accountId, functionId, 1);
    expect(await run(jobId)).toMatchObject({ functionVersion: 1, perform: { output: { n: 1 } } });
  });

  it("may decline, and then no version is less known", async () => {
    const jobId = await jobOn(await upload(handler(1)), { payload: "no" });
    expect(await run(jobId)).toMatchObject({ status: "skipped", skipReason: "check_declined", functionVersion: 1 });
  });

  it("that loops is stopped at its limit, while others go on", async () => {
    const loops = await jobOn(await upload("export const perform = () => { for (;;); };", { timeout_ms: 1_000 }));
    const quick = await jobOn(await upload("export const perform = () => 'quick';"));
    const [stopped, ...others] = await Promise.all([run(loops), ...Array.from({ length: 5 }, () => run(quick))]);
    expect(stopped).toMatchObject({ status: "failed", error: { code: "TIMEOUT" }, check: null });
    for (const other of others) expect(other).toMatchObject({ status: "success", perform: { output: "quick" } });
  });

  it("leaves the version of other kinds empty", async () => {
    const jobId = await makeJob(ledger.db, account, { schedule: "0 0 1 1 *" });
    expect(await run(jobId)).toMatchObject({ status: "failed", functionVersion: null });
  });
});

describe("a test of a function", () => {
  async function test(functionId: string, request: Record<string, unknown> = {}) {
    const fn = await getFunction(ledger.db, account.accountId, functionId);
    const wanted = { pool: "default", ...request } as never;
    const id = await askForTest(ledger.db, {
      accountId: account.accountId,
      fn: fn as NonNullable<typeof fn>,
      request: wanted,
      waitMs: 20_000,
    });
    const answer = { now: await takeAnswer(ledger.db, id as string) };
    await expect
      .poll(async () => (answer.now ??= await takeAnswer(ledger.db, id as string)), { timeout: 20_000, interval: 20 })
      .not.toBeNull();
    return answer.now;
  }

  it("runs both phases in a worker, and leaves no trace in the ledger", async () => {
    const functionId = await upload(`
      export const check = () => ({ shouldPerform: true, performPayload: { from: "check", mine: 1 } });
      export const perform = (event, context) => ({ ...event, belfry: event.belfry.payload, job: context.jobId });`);
    const before = await rowsOf(ledger.db, sql`select count(*) from executions`);
    const answer = await test(functionId, { payload: { city: "Ulm" }, event: { mine: 2, phase: "check" } });
    expect(answer).toMatchObject({
      check: { input: { mine: 2, phase: "check" }, error: null },
      perform: {
        output: {
          from: "check",
          mine: 2,
          phase: "perform",
          automation_job: NO_JOB,
          belfry: { city: "Ulm" },
          job: NO_JOB,
        },
      },
      function_version: 1,
    });
    expect(answer?.perform?.input).toMatchObject({ belfry: { trigger: "manual", attempt: 1 } });
    expect(await rowsOf(ledger.db, sql`select count(*) from executions`)).toEqual(before);
    expect(await rowsOf(ledger.db, sql`select id from function_tests`)).toEqual([]);
  });

  it("runs one phase, or another version, as it is asked to", async () => {
    const functionId = await upload("export const handler = ({ phase, n }) => ({ shouldPerform: false, phase, n });");
    const next = "export const perform = () => 'second';";
    await patchFunction(ledger.db, account.accountId, functionId, { source: next }, await compile(next));
    expect(await test(functionId)).toMatchObject({ check: null, perform: { output: "second" }, function_version: 2 });
    expect(await test(functionId, { version: 1 })).toMatchObject({
      check: { output: { shouldPerform: false } },
      perform: null,
      function_version: 1,
    });
    expect(await test(functionId, { version: 1, phase: "perform", event: { n: 3 } })).toMatchObject({
      check: null,
      perform: { output: { phase: "perform", n: 3 } },
    });
    expect(await test(functionId, { version: 1, phase: "check" })).toMatchObject({ perform: null });
  });

  it("tells what went wrong, of every kind", async () => {
    expect(await test(await upload("export const handler = () => 7;"))).toMatchObject({
      check: { error: { code: "CHECK_INVALID" } },
      perform: null,
    });
    const unreachable = await test(account.functionId);
    expect(unreachable).toMatchObject({ perform: null, function_version: null });
    expect(unreachable?.check?.error?.code).toMatch(/^(HTTP_FAILED|TARGET_BLOCKED)$/);
  });

  it("is forgotten in time when nobody took its answer", async () => {
    const { rows } = await ledger.db.execute(sql`
      insert into function_tests (id, account_id, function_id, pool, request, created_at, expires_at)
      select gen_random_uuid(), ${account.accountId}, ${account.functionId}, 'nobody', '{}', now() - age, now()
      from (values (interval '9 minutes'), (interval '11 minutes')) as ages(age) returning id`);
    expect(rows).toHaveLength(2);
    expect(await forgetOldTests(ledger.db)).toBe(1);
  });
});
