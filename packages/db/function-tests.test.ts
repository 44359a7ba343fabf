import { testFunctionBody } from "@belfry/contract/sandbox.ts";
import {
  makeAccount,
  makeWorker,
  openTestLedger,
  type TestAccount,
  type TestLedger,
} from "@belfry/testing/factories.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { answerTest, askForTest, claimTest, takeAnswer } from "./function-tests.ts";
import { type FunctionRow, getFunction } from "./functions.ts";

let ledger: TestLedger;
let account: TestAccount;
let fn: FunctionRow;
let worker: { id: string; pool: string; modules: string[] };

beforeAll(async () => {
  ledger = await openTestLedger();
  account = await makeAccount(ledger.db);
  fn = (await getFunction(ledger.db, account.accountId, account.functionId)) as FunctionRow;
  worker = { id: await makeWorker(ledger.db), pool: "default", modules: [] };
});
afterAll(() => ledger.close());

const ask = (waitMs = 10_000, request = {}) =>
  askForTest(ledger.db, { accountId: account.accountId, fn, request: testFunctionBody.parse(request), waitMs });

it("is one worker's, however many ask for it", async () => {
  const ids = [await ask(), await ask(), await ask()];
  const claimed = await Promise.all(Array.from({ length: 6 }, () => claimTest(ledger.db, worker)));
  expect(claimed.flatMap((test) => (test ? [test.id] : [])).sort()).toEqual(ids);
});

it("is not begun when nobody waits for it any more", async () => {
  await ask(1);
  await expect
    .poll(
      async () =>
        (await ledger.db.execute(sql`select from function_tests where expires_at < now() and worker is null`)).rowCount,
    )
    .toBe(1);
  expect(await claimTest(ledger.db, worker)).toBeNull();
});

it("is for the workers of its pool only, and asked of living ones", async () => {
  expect(await ask(10_000, { pool: "elsewhere" })).toBeNull();
  await ledger.db.execute(sql`update workers set pool = 'elsewhere', last_seen_at = now() - interval '11 seconds'`);
  expect(await ask(10_000, { pool: "elsewhere" })).toBeNull();
  await ledger.db.execute(sql`update workers set last_seen_at = now()`);
  const id = await ask(10_000, { pool: "elsewhere" });
  expect(await claimTest(ledger.db, worker)).toBeNull();
  expect(await claimTest(ledger.db, { ...worker, pool: "elsewhere" })).toMatchObject({ id });
});

it("has its answer taken once", async () => {
  await ledger.db.execute(sql`update workers set pool = 'default', last_seen_at = now()`);
  const id = (await ask()) as string;
  await claimTest(ledger.db, worker);
  expect(await takeAnswer(ledger.db, id)).toBeNull();
  const answer = { check: null, perform: null, rollback: null, function_version: null, error: null };
  await answerTest(ledger.db, id, answer);
  expect(await takeAnswer(ledger.db, id)).toEqual(answer);
  expect(await takeAnswer(ledger.db, id)).toBeNull();
});

it("goes by accounts: those that had no turn first, then those whose turn is longest ago, and some not at all", async () => {
  await ledger.db.execute(sql`update workers set pool = 'default', last_seen_at = now()`);
  await ledger.db.execute(sql`delete from function_tests`);
  const [first, second, third] = [await makeAccount(ledger.db), await makeAccount(ledger.db), account];
  for (const { accountId } of [first, first, second, third, third, first]) {
    await askForTest(ledger.db, { accountId, fn, request: testFunctionBody.parse({}), waitMs: 10_000 });
  }
  const [a, b, c] = [first.accountId, second.accountId, third.accountId];
  const next = async (turns: string[], except: string[] = []) =>
    (await claimTest(ledger.db, { ...worker, turns, except }))?.accountId;
  expect(await next([a])).toBe(b);
  expect(await next([a, b])).toBe(c);
  expect(await next([c, a])).toBe(c);
  expect(await next([b, c, a], [a])).toBeUndefined();
  expect(await next([b, c, a])).toBe(a);
});
