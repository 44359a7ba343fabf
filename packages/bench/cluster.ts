import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createFunctionBody } from "@belfry/contract/function.ts";
import { bootstrapAccount } from "@belfry/db/accounts.ts";
import { type Db, openDatabase } from "@belfry/db/client.ts";
import { createFunction, listFunctions } from "@belfry/db/functions.ts";
import { migrateDatabase } from "@belfry/db/migrate.ts";
import { type QueueBackend, queueBackend } from "@belfry/queue/backend.ts";
import { migrateQueue } from "@belfry/queue/migrate.ts";
import { createSandboxPool } from "@belfry/runners/sandbox-pool.ts";
import { onServer, urlOfDatabase } from "@belfry/testing/postgres-admin.ts";
import { deleteKeys } from "@belfry/testing/redis-keys.ts";
import pg from "pg";
import { startChild } from "./child.ts";
import { type CpuSeconds, readCpu } from "./cpu.ts";
import type { Servers } from "./servers.ts";

export type BackendKind = "redis" | "postgres";

/** A database and a queue that nobody has used before. */
export type Ground = { databaseUrl: string; redisUrl: string | null; prefix: string; backend: QueueBackend };

/** A fresh migrated database, and a share of Redis if that is the backend. Both are removed when `scope` is disposed. */
export async function openGround(servers: Servers, kind: BackendKind, scope: AsyncDisposableStack): Promise<Ground> {
  const id = randomBytes(4).toString("hex");
  const database = `belfry_bench_${id}`;
  await onServer(servers.databaseUrl, (client) => client.query(`create database ${database}`));
  scope.defer(() =>
    onServer(
      servers.databaseUrl,
      async (client) => void (await client.query(`drop database if exists ${database} with (force)`)),
    ),
  );
  const databaseUrl = urlOfDatabase(servers.databaseUrl, database);
  await migrateDatabase(databaseUrl);
  await migrateQueue(databaseUrl);
  // What the last measurement left to be written would be written during this one.
  await onServer(servers.databaseUrl, (client) => client.query("checkpoint").catch(() => undefined));

  const prefix = `bench-${id}`;
  const redisUrl = kind === "redis" ? servers.redisUrl : null;
  if (redisUrl !== null) scope.defer(async () => void (await deleteKeys(redisUrl, prefix)));
  return {
    databaseUrl,
    redisUrl,
    prefix,
    backend: queueBackend({ redisUrl: redisUrl ?? undefined, databaseUrl, prefix }),
  };
}

export type Cluster = {
  db: Db;
  /** A connection for questions of our own. */
  client: pg.Client;
  /** CPU that its parts have used so far; null where that cannot be known. */
  cpu(): Promise<CpuSeconds | null>;
  accountId: string;
  /** The function whose phases are empty, the one at `functionUrl`, or the uploaded one. */
  functionId: string;
  pids: { scheduler: number; workers: number[] };
  /** Rejects when a process ends by itself. */
  crashed: Promise<never>;
  /** What the processes warned of, for when something is wrong. */
  warnings(): string[];
};

/** As in docker-compose.yml. */
const NODE_OPTIONS = { scheduler: "--max-semi-space-size=8", worker: undefined };

const app = (name: string): string => fileURLToPath(new URL(`../../apps/${name}/main.ts`, import.meta.url));
const FUNCTIONS = fileURLToPath(new URL("./functions", import.meta.url));

export type ClusterSize = {
  workers: number;
  concurrency: number;
  schedulers?: number;
  functionUrl?: string;
  functionSource?: string;
};

/** Schedulers, one unless told otherwise, and workers as processes, all of them ready; stopped when `scope` is disposed. */
export async function startCluster(
  ground: Ground,
  { workers, concurrency, schedulers = 1, functionUrl, functionSource }: ClusterSize,
  scope: AsyncDisposableStack,
): Promise<Cluster> {
  const logs = mkdtempSync(join(tmpdir(), "belfry-bench-logs-"));
  scope.defer(() => rmSync(logs, { recursive: true, force: true }));
  const env = {
    ...process.env,
    DATABASE_URL: ground.databaseUrl,
    REDIS_URL: ground.redisUrl ?? undefined,
    BELFRY_QUEUE_PREFIX: ground.prefix,
    BELFRY_FUNCTIONS_DIR: FUNCTIONS,
    BELFRY_CONCURRENCY: String(concurrency),
    BELFRY_HTTP_ALLOW: "127.0.0.1",
  };
  const named = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}-${i + 1}`);
  const names = [...named("scheduler", schedulers), ...named("worker", workers)];
  const children = names.map((name) => {
    const kind = name.split("-")[0] as keyof typeof NODE_OPTIONS;
    const child = startChild(app(kind), {
      env: { ...env, NODE_OPTIONS: NODE_OPTIONS[kind] },
      logFile: join(logs, `${name}.log`),
    });
    scope.defer(child.stop);
    return child;
  });
  await Promise.all(children.map((child) => child.ready));
  const crashed = Promise.race(children.map((child) => child.crashed));
  // Between two waits nobody listens; the next one hears of it.
  crashed.catch(ignore);
  const pids = children.map((child) => child.pid);
  const [schedulerPids, workerPids] = [pids.slice(0, schedulers), pids.slice(schedulers)];

  const { db, close } = openDatabase({
    url: ground.databaseUrl,
    max: 2,
    applicationName: "belfry bench",
    onError: ignore,
  });
  scope.defer(close);
  const client = new pg.Client({ connectionString: ground.databaseUrl, application_name: "belfry bench" });
  client.on("error", ignore);
  await client.connect();
  scope.defer(() => client.end());

  const { accountId } = await bootstrapAccount(db, randomBytes(20).toString("hex"));
  const functionId = functionUrl
    ? await httpFunction(db, accountId, functionUrl)
    : functionSource
      ? await uploadedFunction(db, accountId, functionSource)
      : (await listFunctions(db, accountId, { limit: 100 })).find((fn) => fn.name === "bench-empty")?.id;
  if (!functionId) throw new Error("no worker has brought along the function bench-empty");
  return {
    db,
    client,
    cpu: () => readCpu({ client, schedulerPids, workerPids, redisUrl: ground.redisUrl }),
    accountId,
    functionId,
    pids: { scheduler: schedulerPids[0] ?? 0, workers: workerPids },
    crashed,
    warnings: () => names.flatMap((name) => warningsIn(join(logs, `${name}.log`))),
  };
}

async function httpFunction(db: Db, accountId: string, url: string): Promise<string> {
  const body = createFunctionBody.parse({ name: "bench-http", kind: "http", url });
  return (await createFunction(db, accountId, body)).id;
}

async function uploadedFunction(db: Db, accountId: string, source: string): Promise<string> {
  const pool = createSandboxPool({ places: 1 });
  try {
    const compiled = await pool.compile(accountId, source, "javascript");
    if (!compiled.ok) throw new Error(compiled.message);
    const { code, check } = compiled;
    const body = createFunctionBody.parse({ name: "bench-sandbox", kind: "sandbox", source });
    return (await createFunction(db, accountId, body, { source, language: "javascript", code, check })).id;
  } finally {
    await pool.close();
  }
}

const ignore = (): void => undefined;

function warningsIn(logFile: string): string[] {
  const lines = readFileSync(logFile, "utf8").split("\n");
  return lines.filter((line) => line !== "" && !/"level":"(info|debug|trace)"/.test(line)).slice(0, 5);
}
