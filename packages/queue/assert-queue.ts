import { withDeadline } from "@belfry/service/deadline.ts";
import { Redis } from "ioredis";
import type { QueueBackend } from "./backend.ts";

/** BullMQ's own lower limit. */
const OLDEST_VERSION = [6, 2] as const;
const DEADLINE_MS = 5_000;

/**
 * Throws if the queue's server cannot be reached, is too old, or is set to throw messages away when its memory is full:
 * asked at start, so that it is one clear line. Returns warnings: lines about what could not be seen.
 */
export async function assertQueue(backend: QueueBackend): Promise<string[]> {
  if (backend.kind === "postgres") return []; // The ledger's own connection has found out already.
  const info = await readInfo(backend.url);
  if (info === null) return ["Redis does not let us see its version and maxmemory-policy, which must be noeviction"];
  const { refusals, warnings } = judgeRedis(info);
  if (refusals.length > 0) throw new Error(`REDIS_URL: ${refusals.join("; ")}`);
  return warnings;
}

/** The answer to INFO; null where it is forbidden, as some managed servers have it. */
async function readInfo(url: string): Promise<string | null> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: DEADLINE_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  let reason: Error | undefined;
  redis.on("error", (error: Error) => {
    reason = error;
  });
  try {
    // Something that listens and never answers is no Redis: ioredis itself would wait for it for ever.
    await withDeadline(
      "connecting",
      DEADLINE_MS,
      redis.connect().then(() => redis.ping()),
    );
    return await withDeadline("asking for its settings", DEADLINE_MS, info(redis));
  } catch (error) {
    throw new Error("REDIS_URL: cannot reach Redis", { cause: reason ?? error });
  } finally {
    redis.disconnect();
  }
}

/** CONFIG is not asked: it is forbidden more often than INFO, which says the same. */
function info(redis: Redis): Promise<string | null> {
  return redis.info().catch((error: Error) => {
    if (error.name === "ReplyError") return null;
    throw error;
  });
}

/** The decision by itself, from the text that INFO answers. */
export function judgeRedis(info: string): { refusals: string[]; warnings: string[] } {
  const refusals: string[] = [];
  const warnings: string[] = [];
  const version = field(info, "redis_version");
  if (version === null) warnings.push("Redis does not say its version, which must be 6.2 or newer");
  else if (isOlder(version))
    refusals.push(`Redis is version ${version}, and must be ${OLDEST_VERSION.join(".")} or newer`);
  const policy = field(info, "maxmemory_policy");
  if (policy === null) warnings.push("Redis does not say its maxmemory-policy, which must be noeviction");
  else if (policy !== "noeviction") refusals.push(`maxmemory-policy of Redis is ${policy}, and must be noeviction`);
  return { refusals, warnings };
}

function field(info: string, name: string): string | null {
  return new RegExp(`^${name}:(.*?)\\s*$`, "m").exec(info)?.[1] ?? null;
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor < OLDEST_VERSION[1]);
}
