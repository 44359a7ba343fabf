import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { migrateDatabase } from "@belfry/db/migrate.ts";
import { migrateQueue } from "@belfry/queue/migrate.ts";
import { findFaketime } from "./faketime.ts";
import { fixedPort } from "./fixed-port.ts";
import type { Victims } from "./nemesis.ts";
import { FUNCTIONS, type FunctionName } from "./plan-calls.ts";
import type { Backend } from "./plan-faults.ts";
import { startPostgresServer } from "./postgres-server.ts";
import { type FaultyProxy, startProxy } from "./proxy.ts";
import { startRedisServer } from "./redis-server.ts";
import { openSlot, type Slot } from "./slots.ts";
import { watchFinal } from "./watch-final.ts";

/** What is run, and how much of it. */
export type ClusterWanted = {
  backend: Backend;
  schedulers: number;
  workers: number;
  /** The folder whose `apps` and `packages` a process is run from, by its name. */
  sourcesOf: (name: string) => string;
  /** To be done to the database before anything else. */
  sql: string | null;
};

/** Where this file is, and all of Belfry with it. */
export const OWN_SOURCES = fileURLToPath(new URL("../..", import.meta.url));

export type Cluster = {
  victims: Victims;
  apiUrl: string;
  key: string;
  functionIds: Record<FunctionName, string>;
  effectsFile: string;
};

/** Servers, processes and the proxies between them, with a function of each kind. Stopped when `scope` is disposed. */
export async function startCluster(
  folder: string,
  { backend, schedulers: schedulersWanted, workers: workersWanted, sourcesOf, sql }: ClusterWanted,
  scope: AsyncDisposableStack,
): Promise<Cluster> {
  mkdirSync(join(folder, "logs"));
  mkdirSync(join(folder, "redis"));
  chmodSync(folder, 0o755);
  const postgres = await startPostgresServer(join(folder, "postgres"), join(folder, "logs", "postgres.log"));
  scope.defer(() => postgres.stop());
  await migrateDatabase(postgres.url);
  await migrateQueue(postgres.url);
  await watchFinal(postgres);
  if (sql !== null) await postgres.query(sql);
  const redis = backend === "redis" ? await startRedisServer(join(folder, "redis")) : null;
  if (redis) scope.defer(() => redis.kill());

  const key = `chaos_${"k".repeat(40)}`;
  const toPostgres = new Map<string, FaultyProxy>();
  const toRedis = new Map<string, FaultyProxy>();
  async function app(
    kind: "api" | "scheduler" | "worker",
    name: string,
    env: Record<string, string> = {},
  ): Promise<Slot> {
    const databaseUrl = new URL(postgres.url);
    databaseUrl.port = String(await proxied(toPostgres, name, postgres.port));
    const redisUrl = redis ? { REDIS_URL: `redis://127.0.0.1:${await proxied(toRedis, name, redis.port)}` } : {};
    return open(name, join(sourcesOf(name), "apps", kind, "main.ts"), {
      DATABASE_URL: databaseUrl.href,
      ...redisUrl,
      ...env,
    });
  }
  async function proxied(proxies: Map<string, FaultyProxy>, name: string, port: number): Promise<number> {
    const proxy = await startProxy(port);
    scope.defer(proxy.close);
    proxies.set(name, proxy);
    return proxy.port;
  }
  function open(name: string, file: string, env: Record<string, string>, args: string[] = []): Slot {
    const slot = openSlot(name, { file, args, env, logFile: join(folder, "logs", `${name}.log`) });
    scope.defer(slot.stop);
    return slot;
  }
  const several = (kind: "scheduler" | "worker", count: number, env: Record<string, string> = {}): Promise<Slot[]> =>
    Promise.all(Array.from({ length: count }, (_, i) => app(kind, `${kind}-${i + 1}`, env)));

  const effectsFile = join(folder, "effects.jsonl");
  const targetPort = await fixedPort();
  const target = open("target", join(import.meta.dirname, "target.ts"), {}, [effectsFile, String(targetPort)]);
  const apiPort = await fixedPort();
  const api = await app("api", "api", { PORT: String(apiPort), HOST: "127.0.0.1", BELFRY_BOOTSTRAP_API_KEY: key });
  const schedulers = await several("scheduler", schedulersWanted);
  const workers = await several("worker", workersWanted, {
    BELFRY_CONCURRENCY: "100",
    BELFRY_DRAIN_MS: "4000",
    BELFRY_HTTP_ALLOW: "127.0.0.1",
    BELFRY_FUNCTIONS_DIR: join(import.meta.dirname, "functions"),
    CHAOS_TARGET_URL: `http://127.0.0.1:${targetPort}`,
  });
  const toApi = await startProxy(apiPort);
  scope.defer(toApi.close);
  await Promise.all([target, api, ...schedulers, ...workers].map(({ ready }) => ready));

  const apiUrl = `http://127.0.0.1:${toApi.port}`;
  const functionIds = await createFunctions(apiUrl, key, targetPort);
  const victims = {
    schedulers,
    workers,
    api,
    target,
    postgres,
    redis,
    toPostgres,
    toRedis,
    toApi,
    faketime: findFaketime(),
  };
  return { victims, apiUrl, key, functionIds, effectsFile };
}

async function createFunctions(apiUrl: string, key: string, targetPort: number): Promise<Record<FunctionName, string>> {
  const ids: [FunctionName, string][] = [];
  for (const [name, { check, timeout_ms }] of Object.entries(FUNCTIONS)) {
    const response = await fetch(`${apiUrl}/automation/functions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify(
        name === "killer"
          ? { name: "the killer", kind: "module", module: name, timeout_ms }
          : {
              name,
              kind: "http",
              url: `http://127.0.0.1:${targetPort}/${name}`,
              check,
              timeout_ms,
              // The plan says when each attempt is to be made, and a breaker would put them off beyond the end of the run.
              breaker: { failures: 0 },
            },
      ),
    });
    const body = (await response.json()) as { id: string };
    if (response.status !== 201) throw new Error(`function ${name}: HTTP ${response.status} ${JSON.stringify(body)}`);
    ids.push([name as FunctionName, body.id]);
  }
  return Object.fromEntries(ids) as Record<FunctionName, string>;
}
