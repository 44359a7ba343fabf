import { readdirSync, readFileSync } from "node:fs";
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
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  try {
    return {
      scheduler: sum(schedulerPids.map(familySeconds)),
      workers: sum(workerPids.map(familySeconds)),
      postgres: serverSeconds(statOf(rows[0]?.pid ?? 0)),
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

type Stat = { name: string; parent: number; seconds: number; secondsOfEndedChildren: number };

/** A line of /proc/<pid>/stat. The name in parentheses may hold spaces; the fields count from its end. */
export function parseStat(stat: string): Stat {
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const seconds = (first: number) => ((fields[first] ?? 0) + (fields[first + 1] ?? 0)) / TICKS_PER_SECOND;
  return {
    name: stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")),
    parent: fields[1] ?? 0,
    seconds: seconds(11),
    secondsOfEndedChildren: seconds(13),
  };
}

const statOf = (pid: number): Stat => parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));

/** A process with all that it has started, those that have ended included: a worker's functions run in processes of their own. */
function familySeconds(pid: number): number {
  const all = allStats();
  const secondsFrom = (stat: Stat & { pid: number }): number =>
    stat.seconds + stat.secondsOfEndedChildren + sum(all.filter(({ parent }) => parent === stat.pid).map(secondsFrom));
  return secondsFrom({ ...statOf(pid), pid });
}

/** The server that a backend belongs to, with all its processes: those that live, and what it has counted of those that ended. */
function serverSeconds(backend: Stat): number {
  // A pid of another machine, or of a container, may be somebody else's here.
  if (backend.name !== "postgres") throw new Error("not a process of this machine");
  const server = statOf(backend.parent);
  const living = allStats().filter(({ parent }) => parent === backend.parent);
  return server.seconds + server.secondsOfEndedChildren + sum(living.map(({ seconds }) => seconds));
}

/** Every process of this machine; those that end meanwhile are left out. */
function allStats(): (Stat & { pid: number })[] {
  return readdirSync("/proc").flatMap((name) => {
    try {
      return /^\d+$/.test(name) ? [{ ...statOf(Number(name)), pid: Number(name) }] : [];
    } catch {
      return [];
    }
  });
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
