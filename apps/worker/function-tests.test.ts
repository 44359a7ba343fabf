/** Tests of functions as a worker takes them: whose come next, and what whoever waits is told. */
import type { testFunctionBody } from "@belfry/contract/sandbox.ts";
import { askForTest, takeAnswer } from "@belfry/db/function-tests.ts";
import { createFunction, type FunctionRow, getFunction, registerModules } from "@belfry/db/functions.ts";
import { parseAllowList } from "@belfry/runners/allow-list.ts";
import { createHostPool } from "@belfry/runners/host-pool.ts";
import { createHttpClient } from "@belfry/runners/http-client.ts";
import { createSandboxPool } from "@belfry/runners/sandbox-pool.ts";
import type { SurveyedModule } from "@belfry/runners/survey.ts";
import { createLogger } from "@belfry/service/logger.ts";
import {
  makeAccount,
  makeWorker,
  openTestLedger,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { makeFunctionFolder } from "@belfry/testing/function-folder.ts";
import { startTarget, type Target } from "@belfry/testing/target.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createCodeCache } from "./code-cache.ts";
import { startFunctionTests } from "./function-tests.ts";
import { offerModules } from "./offer-modules.ts";

const log = createLogger("test", "warn", { write: () => undefined });
const hosts = createHostPool({ limit: 2, memoryMb: 128, onNotice: () => undefined });
const folder = makeFunctionFolder();
const http = createHttpClient({ allow: parseAllowList("127.0.0.1") });
const pool = createSandboxPool({ places: 1 });
let ledger: TestLedger;
let target: Target;
let modules: ReadonlyMap<string, SurveyedModule>;
let tests: ReturnType<typeof startFunctionTests>;
let moduleAccount: TestAccount;

beforeAll(async () => {
  ledger = await openTestLedger();
  target = await startTarget();
  folder.write("setting.txt", "");
  folder.define(
    "breaks.js",
    `name: process.getBuiltinModule("fs").readFileSync(new URL("setting.txt", import.meta.url)) && "breaks", perform() {}`,
  );
  folder.define("throws.js", `name: "throws", perform() { throw new Error("no luck"); }`);
  folder.define("echoes.js", `name: "echoes", perform: (_event, { payload }) => payload`);
  const offered = await offerModules(folder.dir);
  ({ modules } = offered);
  // Found to be usable, and then no process can be started with it: what it reads by itself is gone.
  folder.remove("setting.txt");
  await registerModules(ledger.db, offered.upToDate());
  moduleAccount = await makeAccount(ledger.db);
  const sandbox = { pool, code: createCodeCache(ledger.db) };
  const worker = { id: await makeWorker(ledger.db), pool: "default" };
  tests = startFunctionTests(ledger.url, { db: ledger.db, http, modules, hosts, sandbox, log }, worker);
});
afterAll(async () => {
  await tests.stop();
  await pool.close();
  await hosts.close();
  folder.close();
  await http.close();
  await target.close();
  await ledger.close();
});

async function ask({ accountId, functionId }: TestAccount, request: unknown = { phase: "perform" }): Promise<string> {
  // It has no heartbeat here.
  const names = [...modules.keys()];
  await ledger.db.execute(sql`update workers set last_seen_at = now(), modules = ${sql.param(names)}`);
  const fn = (await getFunction(ledger.db, accountId, functionId)) as FunctionRow;
  const body = { pool: "default", ...(request as object) } as ReturnType<typeof testFunctionBody.parse>;
  return (await askForTest(ledger.db, { accountId, fn, request: body, waitMs: 30_000 })) as string;
}
async function answerOf(id: string) {
  const found: { answer: Awaited<ReturnType<typeof takeAnswer>> } = { answer: null };
  await expect
    .poll(async () => (found.answer ??= await takeAnswer(ledger.db, id)), { timeout: 20_000, interval: 20 })
    .not.toBeNull();
  return found.answer;
}
async function moduleNamed(module: string): Promise<TestAccount> {
  const body = { kind: "module", name: module, module } as never;
  const { id } = await createFunction(ledger.db, moduleAccount.accountId, body, null);
  return { ...moduleAccount, functionId: id };
}

it("one account's tests take half of the places, so that those of another are run while they hang", async () => {
  const release = Promise.withResolvers<number>();
  let hanging = 0;
  target.on("/hangs", () => {
    hanging += 1;
    return release.promise;
  });
  target.on("/quick", () => "quick");
  const greedy = await makeAccount(ledger.db, { url: new URL("/hangs", target.url).href });
  const other = await makeAccount(ledger.db, { url: new URL("/quick", target.url).href });
  const asked = await Promise.all(Array.from({ length: 6 }, () => ask(greedy)));
  await expect.poll(() => hanging).toBe(2);
  for (let i = 0; i < 3; i++) expect(await answerOf(await ask(other))).toMatchObject({ perform: { output: "quick" } });
  expect(hanging).toBe(2);
  release.resolve(1);
  for (const id of asked) expect(await answerOf(id)).toMatchObject({ perform: { output: 1 }, error: null });
});

it("says what went wrong in no phase", async () => {
  const phases = { check: null, perform: null, rollback: null };
  const error = (code: string, message: string) => ({ code, message: expect.stringContaining(message) });
  const test = async (module: string) => answerOf(await ask(await moduleNamed(module), {}));
  expect(await test("breaks")).toMatchObject({ ...phases, error: error("FUNCTION_CRASHED", "process") });
  expect(await test("throws")).toMatchObject({ perform: { error: error("FUNCTION_ERROR", "no luck") }, error: null });
});

it("gives the payload of a job that has none", async () => {
  const answer = await answerOf(await ask(await moduleNamed("echoes"), {}));
  expect(answer?.perform?.output).toEqual({});
});

it("answers at once when the worker itself fails", async () => {
  // More than the column can hold, past the API's own check of it.
  const answer = await answerOf(await ask(await makeAccount(ledger.db), { version: 99_999_999_999 }));
  const error = { code: "INTERNAL", message: "the worker could not run the test" };
  expect(answer).toEqual({ check: null, perform: null, rollback: null, function_version: null, error });
});
