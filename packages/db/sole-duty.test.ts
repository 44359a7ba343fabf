import { createTestDatabase, type TestDatabase } from "@belfry/testing/database.ts";
import { startTcpProxy } from "@belfry/testing/tcp-proxy.ts";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type SoleDuty, soleDuty } from "./sole-duty.ts";

const KEY = 4711;
let database: TestDatabase;
let opened: SoleDuty[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const duty of opened) await duty.close();
  opened = [];
});
afterAll(() => database.drop());

function aDuty(url = database.url, idleMs = 60_000): SoleDuty {
  const duty = soleDuty(url, KEY, idleMs);
  opened.push(duty);
  return duty;
}

it("is one process's, and another's once that one has ended", async () => {
  const [first, second] = [aDuty(), aDuty()];
  expect(await first.isOurs()).toBe(true);
  expect([await second.isOurs(), await first.isOurs()]).toEqual([false, true]);
  await first.close();
  expect(await second.isOurs()).toBe(true);
});

it("is given to one of many that ask at once", async () => {
  const answers = await Promise.all(Array.from({ length: 5 }, () => aDuty().isOurs()));
  expect(answers.filter(Boolean)).toHaveLength(1);
});

it("is lost with the connection, and taken again if nobody else has it by then", async () => {
  const proxy = await startTcpProxy(database.url);
  const first = aDuty(proxy.url);
  expect(await first.isOurs()).toBe(true);
  await proxy.cut();
  const second = aDuty();
  await expect.poll(() => second.isOurs()).toBe(true);
  await proxy.restore();
  expect(await first.isOurs()).toBe(false);
  await second.close();
  await expect.poll(() => first.isOurs()).toBe(true);
  await proxy.close();
});

it("is taken from one that does not ask any more, as one that is frozen", async () => {
  const [frozen, other] = [aDuty(database.url, 200), aDuty()];
  expect(await frozen.isOurs()).toBe(true);
  expect(await other.isOurs()).toBe(false);
  await expect.poll(() => other.isOurs(), { timeout: 10_000 }).toBe(true);
  expect(await frozen.isOurs()).toBe(false);
});

it("says so when Postgres does not answer", async () => {
  await expect(aDuty("postgres://127.0.0.1:1/none").isOurs()).rejects.toThrow("ECONNREFUSED");
});
