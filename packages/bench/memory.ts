import { readFileSync } from "node:fs";
import { Redis } from "ioredis";

/** Resident memory of a process, in bytes; NaN where that cannot be known: not on Linux. */
export function bytesOfProcess(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  } catch {
    return Number.NaN;
  }
}

/** What Redis says that its data take, in bytes. */
export async function bytesOfRedis(url: string): Promise<number> {
  const redis = new Redis(url, { retryStrategy: () => null });
  redis.on("error", () => undefined);
  try {
    return Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1]);
  } finally {
    redis.disconnect();
  }
}
