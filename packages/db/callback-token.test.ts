import { randomBytes } from "node:crypto";
import { openTestLedger, type TestLedger } from "@belfry/testing/factories.ts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CallbackKey, callbackSecret, callbackToken, readCallbackToken } from "./callback-token.ts";

const key: CallbackKey = { executionId: "01a1f75d-1111-7111-8111-111111111111", attempt: 2, phase: "perform" };
const secret = randomBytes(32);
const token = callbackToken(secret, key);

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.close());

it("is read as what it was made for", () => {
  expect(readCallbackToken(secret, key.executionId, token)).toEqual(key);
  expect(readCallbackToken(secret, key.executionId.toUpperCase(), token)).toEqual(key);
});

it("is none of another execution's, nor of a cluster with another secret", () => {
  expect(readCallbackToken(secret, "01a1f75d-1111-7111-8111-111111111112", token)).toBeNull();
  expect(readCallbackToken(randomBytes(32), key.executionId, token)).toBeNull();
});

const [attempt, phase, mac = ""] = token.split(".");
it.each([
  ["another attempt", `3.${phase}.${mac}`],
  ["another phase", `${attempt}.check.${mac}`],
  ["a phase that there is not", `${attempt}.rollback.${mac}`],
  ["the attempt written otherwise", `0${attempt}.${phase}.${mac}`],
  ["half of it", token.slice(0, -20)],
  ["more of it", `${token}A`],
  ["another spelling of the same bytes", token.slice(0, -1) + nextLetter(token.at(-1) as string)],
  ["a random one", `${attempt}.${phase}.${randomBytes(32).toString("base64url")}`],
  ["nothing", ""],
])("%s is no token", (_, changed) => {
  expect(readCallbackToken(secret, key.executionId, changed)).toBeNull();
});

/** The last letter of a token has two bits that decoding throws away. */
function nextLetter(letter: string): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return letters[letters.indexOf(letter) ^ 1] as string;
}

it("has one secret in a cluster, whoever asks first", async () => {
  const secrets = await Promise.all(Array.from({ length: 5 }, () => callbackSecret(ledger.db)));
  expect(new Set(secrets.map((s) => s.toString("hex"))).size).toBe(1);
  expect(secrets[0]).toHaveLength(32);
});
