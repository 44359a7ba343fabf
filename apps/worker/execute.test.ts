import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createFunctionBody } from "@belfry/contract/function.ts";
import type { ClaimedExecution } from "@belfry/db/executions.ts";
import { createFunction, registerModules } from "@belfry/db/functions.ts";
import { runJob } from "@belfry/db/jobs.ts";
import { getExecution } from "@belfry/db/read-executions.ts";
import { rotateSecret } from "@belfry/db/rotate-secret.ts";
import { parseAllowList } from "@belfry/runners/allow-list.ts";
import { createHostPool } from "@belfry/runners/host-pool.ts";
import { createHttpClient } from "@belfry/runners/http-client.ts";
import { createSandboxPool } from "@belfry/runners/sandbox-pool.ts";
import type { SurveyedModule } from "@belfry/runners/survey.ts";
import { createLogger } from "@belfry/service/logger.ts";
import {
  makeAccount,
  makeJob,
  makeWorker,
  openTestLedger,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { makeFunctionFolder } from "@belfry/testing/function-folder.ts";
import { always, startTarget, type Target, type TargetCall } from "@belfry/testing/target.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Breakers, createBreakers } from "./breakers.ts";
import { createCodeCache } from "./code-cache.ts";
import { execute } from "./execute.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { offerModules } from "./offer-modules.ts";
import type { Sandbox } from "./resolve-target.ts";

const never = new AbortController().signal;
const log = createLogger("test", "warn", { write: () => undefined });
const hosts = createHostPool({ limit: 2, memoryMb: 128, onNotice: () => undefined });
const folder = makeFunctionFolder();
const http = createHttpClient({ allow: parseAllowList("127.0.0.1") });
const pool = createSandboxPool({ places: 1 });
let test: TestLedger;
let target: Target;
/** Its function is the target's. */
let account: TestAccount;
let ledger: Ledger;
let sandbox: Sandbox;
let breakers: Breakers;

beforeAll(async () => {
  test = await openTestLedger();
  target = await startTarget();
  account = await makeAccount(test.db, { url: target.url });
  sandbox = { pool, code: createCodeCache(test.db) };
  ledger = createLedger(test.db, await makeWorker(test.db), log, never);
  breakers = createBreakers(test.db, log, never);
});
afterAll(async () => {
  await pool.close();
  await hosts.close();
  folder.close();
  await http.close();
  await target.close();
  await test.close();
});

/** Claims a manual run of a new job and executes one attempt. Gives what the ledger then says. */
async function attemptAt(
  job: Record<string, unknown>,
  { functionId = account.functionId, modules = new Map() as ReadonlyMap<string, SurveyedModule> } = {},
) {
  const jobId = await makeJob(test.db, { ...account, functionId }, { schedule: "0 0 1 1 *", ...job });
  const executionId = (await runJob(test.db, account.accountId, jobId))?.executionId as string;
  const claimed = (await ledger.claim(executionId, 1)) as ClaimedExecution;
  const tools = { ledger, breakers, callbacks: null, metrics: null, http, hosts, modules, sandbox, log };
  await execute(claimed, tools, never);
  return (await getExecution(test.db, account.accountId, executionId))?.execution;
}
const tookTooLong = (ms: number) => ({
  code: "TIMEOUT",
  message: `the attempt took longer than its limit of ${ms} ms`,
});

it("limits an attempt in all: a perform has what its check has left, and its connection is closed", async () => {
  const closed = Promise.withResolvers<void>();
  target.on("/", async ({ phase }, response) => {
    if (phase === "perform") response.on("close", closed.resolve);
    await sleep(400); // neither phase alone is too long
    return { shouldPerform: true };
  });
  const error = tookTooLong(600);

  expect(await attemptAt({ timeout_ms: 600 })).toMatchObject({
    status: "failed",
    error,
    check: { error: null, output: { shouldPerform: true } },
    perform: { error, output: null },
  });
  await closed.promise;
});

it("stops a check at the attempt's limit as well", async () => {
  target.on("/", () => new Promise(() => undefined));
  const error = tookTooLong(50);

  expect(await attemptAt({ timeout_ms: 50 })).toMatchObject({
    status: "failed",
    error,
    check: { error },
    perform: null,
  });
});

it("tries again after the attempt's limit, as after any time-out", async () => {
  target.on("/", () => new Promise(() => undefined));

  expect(await attemptAt({ timeout_ms: 50, retry: { attempts: 2 } })).toMatchObject({ status: "pending", attempt: 2 });
});

it("does not perform when the limit has passed between the phases", async () => {
  const before = target.calls.length;
  let unlocked: Promise<unknown> = Promise.resolve();
  target.on("/", async () => {
    // After a check that took long the job is asked again, and Postgres takes its time to answer.
    const locked = Promise.withResolvers<void>();
    unlocked = test.db.transaction(async (tx) => {
      await tx.execute(sql`lock table jobs in access exclusive mode`);
      locked.resolve();
      await sleep(700);
    });
    await locked.promise;
    await sleep(60);
    return { shouldPerform: true };
  });

  expect(await attemptAt({ timeout_ms: 600 })).toMatchObject({
    status: "failed",
    error: tookTooLong(600),
    check: { error: null },
    perform: null,
  });
  expect(target.calls.slice(before).map((call) => call.phase)).toEqual(["check"]);
  await unlocked;
});

it("does not try again what a module calls permanent", async () => {
  folder.define("gone.ts", `name: "gone", perform() { throw new PermanentError("the customer is gone"); }`);
  const { modules } = await offerModules(folder.dir);
  await registerModules(test.db, [...modules.values()]);
  const { id: functionId } = await createFunction(
    test.db,
    account.accountId,
    createFunctionBody.parse({ kind: "module", name: "gone" }),
  );

  expect(await attemptAt({ retry: { attempts: 5 } }, { functionId, modules })).toMatchObject({
    status: "failed",
    attempt: 1,
    error: { code: "FUNCTION_ERROR", message: "the customer is gone" },
  });
});

it("signs each phase with the secrets that are valid when it begins", async () => {
  const body = createFunctionBody.parse({ name: "signed", kind: "http", url: `${target.url}/signed` });
  const { id: functionId, signingSecret: first } = await createFunction(test.db, account.accountId, body);
  target.on("/signed", always);
  const signatures = async () => {
    const before = target.calls.length;
    await attemptAt({}, { functionId });
    return target.calls.slice(before).map(({ headers }) => String(headers["webhook-signature"]).split(" ").length);
  };
  const verifiedBy = (secret: string | null) => {
    const { headers, event } = target.calls.at(-1) as TargetCall;
    const content = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${JSON.stringify(event)}`;
    const key = Buffer.from(String(secret).slice("whsec_".length), "base64");
    const signature = `v1,${createHmac("sha256", key).update(content).digest("base64")}`;
    return String(headers["webhook-signature"]).split(" ").includes(signature);
  };

  expect(await signatures()).toEqual([1, 1]);
  expect(verifiedBy(first)).toBe(true);
  const second = (await rotateSecret(test.db, account.accountId, functionId, 60_000))?.secret as string;
  expect(await signatures()).toEqual([2, 2]);
  expect([verifiedBy(first), verifiedBy(second)]).toEqual([true, true]);
  await rotateSecret(test.db, account.accountId, functionId, 0);
  expect(await signatures()).toEqual([1, 1]);
  expect([verifiedBy(first), verifiedBy(second)]).toEqual([false, false]);
});

it("fails at once, with no attempt left, what functions may not call", async () => {
  const body = createFunctionBody.parse({ name: "blocked", kind: "http", url: "http://[::1]:9/" });
  const { id: functionId } = await createFunction(test.db, account.accountId, body);

  expect(await attemptAt({ retry: { attempts: 5 } }, { functionId })).toMatchObject({
    status: "failed",
    attempt: 1,
    error: { code: "TARGET_BLOCKED", message: expect.stringContaining("functions may not call [::1]") },
  });
});
