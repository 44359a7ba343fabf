import { randomBytes } from "node:crypto";
import { inject } from "vitest";
import type {} from "./provided.ts";
import { deleteKeys } from "./redis-keys.ts";

export interface TestRedis {
  url: string;
  /** Give it to the queue: keys that begin with it belong to this test file alone. */
  prefix: string;
  /** Deletes all keys with the prefix and answers how many: the FLUSHALL of a server that others use at the same time. */
  flush(): Promise<number>;
}

/** A share of the tests' Redis. Nothing has to be closed; what is left is deleted after the last test. */
export function createTestRedis(): TestRedis {
  const { redisUrl, runId } = inject("servers");
  const prefix = `test-${runId}-${randomBytes(5).toString("hex")}`;
  return { url: redisUrl, prefix, flush: () => deleteKeys(redisUrl, prefix) };
}
