import { createFunctionBody } from "@belfry/contract/function.ts";
import { createFunction } from "@belfry/db/functions.ts";
import { makeAccount, openTestLedger, type TestLedger } from "@belfry/testing/factories.ts";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createCodeCache } from "./code-cache.ts";

const { signal } = new AbortController();
let ledger: TestLedger;

beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.close());

async function upload(name: string, code: string): Promise<string> {
  const { accountId } = await makeAccount(ledger.db);
  const body = createFunctionBody.parse({ name, kind: "sandbox", source: code });
  return (
    await createFunction(ledger.db, accountId, body, { source: code, language: "javascript", code, check: false })
  ).id;
}

it("reads the code of a version once, and keeps what was used last", async () => {
  const cache = createCodeCache(ledger.db, 25);
  const [a, b, c] = [
    await upload("a", "a".repeat(10)),
    await upload("b", "b".repeat(10)),
    await upload("c", "c".repeat(10)),
  ];
  await cache.load(a, 1, signal);
  await cache.load(b, 1, signal);
  await cache.load(a, 1, signal);
  await cache.load(c, 1, signal);
  await ledger.db.execute(sql`truncate function_versions`);
  expect(await cache.load(a, 1, signal)).toBe("a".repeat(10));
  expect(await cache.load(c, 1, signal)).toBe("c".repeat(10));
  await expect(cache.load(b, 1, signal)).rejects.toThrow("version 1 of the function is not there any more");
});

it("keeps one that is larger than all it may keep, until the next", async () => {
  const large = await upload("large", "x".repeat(100));
  expect(await createCodeCache(ledger.db, 25).load(large, 1, signal)).toHaveLength(100);
});
