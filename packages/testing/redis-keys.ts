import { Redis } from "ioredis";

/** Deletes all keys of the queues whose prefix begins with `prefix` (plain letters, digits, `-`); answers how many there were. */
export async function deleteKeys(url: string, prefix: string): Promise<number> {
  const redis = new Redis(url, { retryStrategy: () => null });
  redis.on("error", () => undefined);
  try {
    let deleted = 0;
    for await (const keys of redis.scanStream({ match: `[{]${prefix}*`, count: 1_000 })) {
      if (keys.length > 0) deleted += await redis.unlink(...(keys as string[]));
    }
    return deleted;
  } finally {
    redis.disconnect();
  }
}
