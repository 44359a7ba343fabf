import { Redis } from "ioredis";
import { expect, it } from "vitest";
import { createTestRedis } from "./redis.ts";

it("flushes its own keys and leaves those of other test files", async () => {
  const [mine, other] = [createTestRedis(), createTestRedis()];
  const redis = new Redis(mine.url);
  await redis.set(`{${mine.prefix}:pool}:a`, "1");
  await redis.set(`{${mine.prefix}:pool}:b`, "2");
  await redis.set(`{${other.prefix}:pool}:a`, "3");
  expect(await mine.flush()).toBe(2);
  expect(await redis.exists(`{${mine.prefix}:pool}:a`)).toBe(0);
  expect(await redis.get(`{${other.prefix}:pool}:a`)).toBe("3");
  await redis.quit();
});

it("runs on a Redis that never evicts", async () => {
  const redis = new Redis(createTestRedis().url);
  expect(await redis.config("GET", "maxmemory-policy")).toEqual(["maxmemory-policy", "noeviction"]);
  await redis.quit();
});
