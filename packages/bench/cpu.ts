import { readFileSync } from "node:fs";
import { Redis } from "ioredis";
import type pg from "pg";

/** Seconds of CPU that each part has used so far. */
export type CpuSeconds = { scheduler: number; workers: number; postgres: number; redis: number };

/** What is to be watched; `redisUrl` null where the queue is in Postgres. */
export type Watched = {
  client: pg.Client;
  schedulerPids: readonly number[];
  workerPids: readonly number[];
  redisUrl: string | null;
};

/** CPU used so far, or null where it cannot be known: not on Linux, or with a Postgres on another machine. */
export async function readCpu({ client, schedulerPids, workerPids, redisUrl }: Watched): Promise<CpuSeconds | null> {
  // Every process of the server: the backends, and those that write, checkpoint and clean up on their behalf.
  const { rows } = await client.query<{ pid: number }>("select pid from pg_stat_activity");
  try {
    return {
      scheduler: sum(schedulerPids.map((pid) => secondsOf(pid))),
      workers: sum(workerPids.map((pid) => secondsOf(pid))),
      postgres: sum(rows.map(({ pid }) => secondsOf(pid, "postgres"))),
      redis: redisUrl === null ? 0 : await redisSeconds(redisUrl),
    };
  } catch {
    return null;
  }
}

/** Microseconds that each part used for each of `executions` between two readings. */
export function microsecondsEach(before: CpuSeconds, after: CpuSeconds, executions: number): CpuSeconds {
  const each = (part: keyof CpuSeconds) => ((after[part] - before[part]) / executions) * 1e6;
  return { scheduler: each("scheduler"), workers: each("workers"), postgres: each("postgres"), redis: each("redis") };
}

/** Linux counts in hundredths of a second. */
const TICKS_PER_SECOND = 100;

/** User and system time from a line of /proc/<pid>/stat. The name in parentheses may hold spaces; the fields count from its end. */
export function parseStat(stat: string): { name: string; seconds: number } {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    name: stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")),
    seconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
  };
}

function secondsOf(pid: number, expectedName?: string): number {
  const { name, seconds } = parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
  // A pid of another machine, or of a container, may be somebody else's here.
  if (expectedName !== undefined && name !== expectedName) throw new Error(`process ${pid} is no ${expectedName}`);
  return seconds;
}

async function redisSeconds(url: string): Promise<number> {
  const redis = new Redis(url, { retryStrategy: () => null });
  redis.on("error", () => undefined);
  try {
    const info = await redis.info("cpu");
    return ["used_cpu_user", "used_cpu_sys"].reduce(
      (all, name) => all + Number(new RegExp(`^${name}:(.*)$`, "m").exec(info)?.[1]),
      0,
    );
  } finally {
    redis.disconnect();
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, n) => all + n, 0);
