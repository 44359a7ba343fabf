import { createPostgresBackend, DEFAULT_SCHEMA, Queue, Worker, type WorkerOptions } from "bullmq";
import type { ExecutionMessage } from "@belfry/contract/message.ts";
import { withDeadline } from "@belfry/service/deadline.ts";
import { Redis } from "ioredis";
import pg from "pg";

/** Where messages travel: Redis, or BullMQ's own tables in Postgres on a machine that has no Redis. */
export type QueueBackend = { kind: "redis"; url: string; prefix: string } | { kind: "postgres"; url: string };

export function queueBackend(settings: { redisUrl?: string | undefined; databaseUrl: string; prefix: string }): QueueBackend {
  return settings.redisUrl === undefined
    ? { kind: "postgres", url: settings.databaseUrl }
    : { kind: "redis", url: settings.redisUrl, prefix: settings.prefix };
}

export type MessageQueue = Queue<ExecutionMessage>;

/** Connections that a queue or a consumer uses and that are closed with it. */
type Connection<T> = { connection: T; close: () => Promise<void> };

export type Opened<T> = { opened: T; close: () => Promise<void> };

const RECONNECT_MAX_MS = 1_000;

/** In a Redis Cluster the keys of a queue have to lie on one node: the braces make its whole prefix the hash tag. */
const redisPrefix = (prefix: string, pool: string): string => `{${prefix}:${pool}}`;

/**
 * A pool's queue, for publishing and for looking at. A command fails at once while Redis is down, and after two
 * seconds when it is frozen: whoever publishes has a ledger to come back to.
 */
export function openQueue(backend: QueueBackend, pool: string, onError: (error: Error) => void): Opened<MessageQueue> {
  if (backend.kind === "redis") {
    const { connection, close } = redisConnection(backend.url, onError, {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 1,
      commandTimeout: 2_000,
    });
    const queue: MessageQueue = new Queue(pool, { connection, prefix: redisPrefix(backend.prefix, pool) });
    queue.on("error", onError);
    return { opened: queue, close: closeBoth(queue, close) };
  }
  const { connection, close } = postgresConnection(backend.url, 4, onError);
  const queue = new Queue<ExecutionMessage>(pool, { connection: connection as never }, createPostgresBackend as never);
  queue.on("error", onError);
  return { opened: queue, close: closeBoth(queue, close) };
}

/** A BullMQ worker on a pool's queue. */
export function openWorker(
  backend: QueueBackend,
  pool: string,
  processor: (data: ExecutionMessage) => Promise<void>,
  options: Omit<WorkerOptions, "connection" | "prefix">,
  onError: (error: Error) => void,
): Opened<Worker<ExecutionMessage>> {
  if (backend.kind === "redis") {
    const { connection, close } = redisConnection(backend.url, onError, { maxRetriesPerRequest: null });
    const worker = new Worker<ExecutionMessage>(pool, (job) => processor(job.data), {
      ...options,
      connection,
      prefix: redisPrefix(backend.prefix, pool),
    });
    worker.on("error", onError);
    return { opened: worker, close: closeBoth(worker, close) };
  }
  const { connection, close } = postgresConnection(backend.url, 8, onError);
  const worker = new Worker<ExecutionMessage>(
    pool,
    (job) => processor(job.data),
    { ...options, connection: connection as never },
    createPostgresBackend as never,
  );
  worker.on("error", onError);
  return { opened: worker, close: closeBoth(worker, close) };
}

function redisConnection(
  url: string,
  onError: (error: Error) => void,
  options: { enableOfflineQueue?: boolean; maxRetriesPerRequest: number | null; commandTimeout?: number },
): Connection<Redis> {
  const redis = new Redis(url, {
    ...options,
    connectTimeout: 5_000,
    keepAlive: 10_000,
    retryStrategy: (times: number) => Math.min(times * 100, RECONNECT_MAX_MS),
  });
  redis.on("error", onError);
  return {
    connection: redis,
    close: async () => redis.disconnect(),
  };
}

/** BullMQ has its tables in a schema of its own; a pool that it is handed has to look there by itself. */
function postgresConnection(url: string, max: number, onError: (error: Error) => void): Connection<pg.Pool> {
  const connection = new pg.Pool({
    connectionString: url,
    max,
    application_name: "belfry queue",
    options: `-c search_path=${DEFAULT_SCHEMA} -c timezone=UTC`,
    connectionTimeoutMillis: 5_000,
    query_timeout: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  connection.on("error", onError);
  return { connection, close: () => connection.end() };
}

function closeBoth(inner: { close(): Promise<void> }, closeConnection: () => Promise<void>): () => Promise<void> {
  return async () => {
    try {
      await inner.close();
    } finally {
      await closeConnection();
    }
  };
}

/** Throws if the queue's server cannot be reached: asked at start, so that a wrong address is one clear line. */
export async function assertReachable(backend: QueueBackend): Promise<void> {
  if (backend.kind === "postgres") return; // The ledger's own connection has found out already.
  const redis = new Redis(backend.url, { lazyConnect: true, connectTimeout: 5_000, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  let reason: Error | undefined;
  redis.on("error", (error: Error) => {
    reason = error;
  });
  try {
    // Something that listens and never answers is no Redis: ioredis itself would wait for it for ever.
    await withDeadline("connecting", 5_000, redis.connect().then(() => redis.ping()));
  } catch (error) {
    throw new Error("REDIS_URL: cannot reach Redis", { cause: reason ?? error });
  } finally {
    redis.disconnect();
  }
}
