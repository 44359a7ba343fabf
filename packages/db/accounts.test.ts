import { openTestLedger, rowsOf, type TestLedger } from "@belfry/testing/factories.ts";
import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { bootstrapAccount, createAccount, findIdentity } from "./accounts.ts";
import type { Db } from "./client.ts";

let ledger: TestLedger;
let db: Db;

beforeAll(async () => {
  ledger = await openTestLedger();
  db = ledger.db;
});
afterAll(() => ledger.close());

const count = async (db: Db, table: "accounts" | "api_keys") =>
  (await rowsOf<{ n: number }>(db, sql`select count(*)::int as n from ${sql.identifier(table)}`))[0]?.n;

describe("an API key", () => {
  it("speaks for its account, in its role", async () => {
    const { accountId } = await createAccount(db, { name: "a", key: "a key of some length", role: "member" });
    expect(await findIdentity(db, "a key of some length")).toMatchObject({ accountId, role: "member" });
    expect(await findIdentity(db, "a key of some lengt")).toBeNull();
    expect(await findIdentity(db, "")).toBeNull();
  });

  it("speaks for nobody once it is revoked", async () => {
    await createAccount(db, { name: "b", key: "to be revoked", role: "admin" });
    const identity = await findIdentity(db, "to be revoked");
    await db.execute(sql`update api_keys set revoked_at = now() where id = ${identity?.keyId}`);
    expect(await findIdentity(db, "to be revoked")).toBeNull();
  });

  it("is not kept as it is", async () => {
    await createAccount(db, { name: "c", key: "plain text key", role: "member" });
    const rows = await rowsOf<{ row: string }>(db, sql`select to_jsonb(k)::text as row from api_keys k`);
    expect(rows.some(({ row }) => row.includes("plain text key"))).toBe(false);
  });

  it("belongs to one account: a second one with the same key is not made, not even by halves", async () => {
    await createAccount(db, { name: "d", key: "the only one", role: "member" });
    const before = await count(db, "accounts");
    await expect(createAccount(db, { name: "e", key: "the only one", role: "member" })).rejects.toMatchObject({
      cause: { code: "23505" },
    });
    expect(await count(db, "accounts")).toBe(before);
  });
});

describe("the first account", () => {
  let empty: TestLedger;
  beforeEach(async () => {
    empty = await openTestLedger();
  });
  afterEach(() => empty.close());

  it("is made once, however many processes start at the same time", async () => {
    const key = "bootstrap ".repeat(4);
    // Eight connections that are open already: opening them one by one would keep the eight apart.
    await Promise.all(Array.from({ length: 8 }, () => empty.db.execute(sql`select pg_sleep(0.05)`)));
    const results = await Promise.all(Array.from({ length: 8 }, () => bootstrapAccount(empty.db, key)));
    expect(results.filter((r) => r.created)).toHaveLength(1);
    expect(new Set(results.map((r) => r.accountId)).size).toBe(1);
    expect([await count(empty.db, "accounts"), await count(empty.db, "api_keys")]).toEqual([1, 1]);
    expect(await findIdentity(empty.db, key)).toMatchObject({ accountId: results[0]?.accountId, role: "admin" });
    expect(await bootstrapAccount(empty.db, key)).toEqual({ accountId: results[0]?.accountId, created: false });
  });

  it("gets another key when it is started with another one, and keeps the one before", async () => {
    const [before, after] = ["before ".repeat(6), "after ".repeat(6)];
    const { accountId } = await bootstrapAccount(empty.db, before);
    expect(await bootstrapAccount(empty.db, after)).toEqual({ accountId, created: false });
    for (const key of [before, after])
      expect(await findIdentity(empty.db, key)).toMatchObject({ accountId, role: "admin" });
  });

  it("is told clearly when its key was revoked", async () => {
    const key = "revoked ".repeat(5);
    await bootstrapAccount(empty.db, key);
    await empty.db.execute(sql`update api_keys set revoked_at = now()`);
    await expect(bootstrapAccount(empty.db, key)).rejects.toThrow("this key was revoked");
  });
});
