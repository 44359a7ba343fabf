import { availableParallelism, cpus, loadavg, totalmem, type } from "node:os";
import { onServer } from "@belfry/testing/postgres-admin.ts";
import { Redis } from "ioredis";
import type { Servers } from "./servers.ts";

/** Where the figures come from, in words. */
export type Machine = {
  cpu: string;
  cores: number;
  memory_gb: number;
  system: string;
  node: string;
  postgres: string;
  redis: string;
  /** Processes that wanted to run when the bench began, besides it: what else kept the machine busy. */
  load_before: number;
};

export async function describeMachine({ databaseUrl, redisUrl }: Servers): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memory_gb: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${process.arch}`,
    node: process.version,
    postgres: await describePostgres(databaseUrl),
    redis: await describeRedis(redisUrl),
    load_before: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}

export function machineLine(machine: Machine): string {
  const { cpu, cores, memory_gb, system, node, postgres, redis, load_before } = machine;
  return `${cores} cores (${cpu}), ${memory_gb} GB, ${system}, Node ${node}, ${postgres}, ${redis}, load ${load_before} before the start`;
}

function describePostgres(url: string): Promise<string> {
  return onServer(url, async (client) => {
    const setting = async (name: string) => (await client.query(`show ${name}`)).rows[0]?.[name] as string;
    const version = (await setting("server_version")).split(" ")[0];
    return `PostgreSQL ${version} (fsync ${await setting("fsync")}, synchronous_commit ${await setting("synchronous_commit")})`;
  });
}

async function describeRedis(url: string): Promise<string> {
  const redis = new Redis(url, { retryStrategy: () => null });
  redis.on("error", () => undefined);
  try {
    const info = await redis.info();
    const field = (name: string) => new RegExp(`^${name}:(.*)$`, "m").exec(info)?.[1]?.trim();
    return `Redis ${field("redis_version")} (AOF ${field("aof_enabled") === "1" ? "on" : "off"})`;
  } catch (cause) {
    throw new Error(`no Redis answers at ${new URL(url).host}`, { cause });
  } finally {
    redis.disconnect();
  }
}
