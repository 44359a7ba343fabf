import type { Identity } from "@belfry/db/accounts.ts";
import { describe, expect, it } from "vitest";
import { cacheIdentities } from "./identity-cache.ts";

function countedLookUps() {
  let now = 0;
  const asked: string[] = [];
  const known = new Map<string, Identity>([["key", { accountId: "a", keyId: "k", role: "member" }]]);
  const find = cacheIdentities(
    async (key) => {
      asked.push(key);
      return known.get(key) ?? null;
    },
    () => now,
  );
  return {
    find,
    asked,
    known,
    at(ms: number) {
      now = ms;
    },
  };
}

describe("the identity cache", () => {
  it("asks once a second for a key that is used all the time", async () => {
    const { find, asked, at } = countedLookUps();
    for (const ms of [0, 1, 500, 999]) {
      at(ms);
      expect(await find("key")).toMatchObject({ accountId: "a" });
    }
    expect(asked).toHaveLength(1);
    at(1_000);
    await find("key");
    expect(asked).toHaveLength(2);
  });

  it("forgets a key that was revoked", async () => {
    const { find, known, at } = countedLookUps();
    await find("key");
    known.clear();
    at(1_000);
    expect(await find("key")).toBeNull();
  });

  it("asks each time for a key that is unknown, so that a new one works at once", async () => {
    const { find, known } = countedLookUps();
    expect(await find("new")).toBeNull();
    known.set("new", { accountId: "b", keyId: "n", role: "admin" });
    expect(await find("new")).toMatchObject({ accountId: "b" });
  });

  it("keeps a bounded number", async () => {
    const { find, asked, known } = countedLookUps();
    for (let i = 0; i < 2_000; i++) known.set(`key ${i}`, { accountId: `${i}`, keyId: `${i}`, role: "member" });
    for (let i = 0; i < 2_000; i++) await find(`key ${i}`);
    await find("key 1999");
    expect(asked).toHaveLength(2_000);
    await find("key 0");
    expect(asked).toHaveLength(2_001);
  });
});
