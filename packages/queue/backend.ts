import { once } from "node:events";
import type { ExecutionMessage } from "@belfry/contract/message.ts";
import { createPostgresBackend, DEFAULT_SCHEMA, Queue, Worker, type WorkerOptions } from "bullmq";
import { Redis } from "ioredis";
import pg from "pg";

/** Where messages travel: Redis, or BullMQ's own tables in Postgres on a machine that has no Redis. */
export type QueueBackend = { kind: "redis"; url: string; prefix: string } | { kind: "postgres"; url: string };

export function queueBackend(settings: {
  redisUrl?: string | undefined;
  databaseUrl: string;
  prefix: string;
}): QueueBackend {
  return settings.redisUrl === undefined
    ? { kind: "postgres", url: settings.databaseUrl }
    : { kind: "redis", url: settings.redisUrl, prefix: settings.prefix };
}

export type MessageQueue<Message = ExecutionMessage> = Queue<Message>;

/**
 * The queue of the cluster's own duties. No pool can have this name, which begins with `_`: somebody's jobs in a pool
 * "system" and the cluster's duties never meet.
 */
export const SYSTEM_QUEUE = "_system";

/** A connection to the queue's server, and how to end it. */
type Connection<T> = { connection: T; close: () => Promise<void> };

/**
 * A connection over which no answer comes for this long is made anew: of one that is half open nothing else would tell
 * for a quarter of an hour. A consumer's blocking command may itself take ten seconds.
 */
const SILENT_MS = { publishing: 4_000, consuming: 15_000 } as const;
const RECONNECT_MAX_MS = 1_000;

/** In a Redis Cluster the keys of a queue have to lie on one node: the braces make its whole prefix the hash tag. */
const redisPrefix = (prefix: string, pool: string): string => `{${prefix}:${pool}}`;

/** The queues of any number of pools, on one connection: anybody who may create a job may name a new pool. */
export type Queues<Message = ExecutionMessage> = {
  queue(pool: string): MessageQueue<Message>;
  /**
   * Forgets a queue that did not do what it was told; the next call makes it anew. BullMQ readies a queue once, and if
   * the connection breaks in just that moment, the queue answers with that error for ever.
   */
  drop(pool: string): void;
  /** Whether the connection is there, or comes within the deadline. On Postgres always, since its pool connects when asked. */
  isReady(deadlineMs: number): Promise<boolean>;
  close(): Promise<void>;
};

/**
 * For publishing and for looking at. A command fails at once while Redis is down, and after two seconds when it is
 * frozen: whoever publishes has a ledger to come back to.
 */
export function openQueues<Message = ExecutionMessage>(
  backend: QueueBackend,
  onError: (error: Error) => void,
): Queues<Message> {
  const { make, isReady, close } = queueMaker<Message>(backend, onError);
  const queues = new Map<string, MessageQueue<Message>>();
  return {
    queue(pool) {
      const known = queues.get(pool);
      if (known) return known;
      const queue = make(pool);
      queue.on("error", onError);
      queues.set(pool, queue);
      return queue;
    },
    drop(pool) {
      queues.get(pool)?.close().catch(onError);
      queues.delete(pool);
    },
    isReady,
    async close() {
      await Promise.allSettled([...queues.values()].map((queue) => queue.close()));
      await close();
    },
  };
}

type QueueMaker<Message> = {
  make: (pool: string) => MessageQueue<Message>;
  isReady: (deadlineMs: number) => Promise<boolean>;
  close: () => Promise<void>;
};

function queueMaker<Message>(backend: QueueBackend, onError: (error: Error) => void): QueueMaker<Message> {
  if (backend.kind === "redis") {
    const options = {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 1,
      commandTimeout: 2_000,
      socketTimeout: SILENT_MS.publishing,
    };
    const { connection, close } = redisConnection(backend.url, onError, options);
    const make = (pool: string): MessageQueue<Message> =>
      new Queue(pool, { connection, prefix: redisPrefix(backend.prefix, pool) });
    return { make, isReady: (deadlineMs) => isConnected(connection, deadlineMs), close };
  }
  const { connection, close } = postgresConnection(backend.url, 4, onError);
  const make = (pool: string): MessageQueue<Message> =>
    new Queue(pool, { connection: connection as never }, ON_POSTGRES);
  return { make, isReady: async () => true, close };
}

async function isConnected(redis: Redis, deadlineMs: number): Promise<boolean> {
  if (redis.status === "ready") return true;
  const ready = once(redis, "ready", { signal: AbortSignal.timeout(deadlineMs) });
  return ready.then(
    () => true,
    () => false,
  );
}

/** BullMQ's types follow from the backend; ours are the same on both, so its type is taken to be that of Redis. */
const ON_POSTGRES = createPostgresBackend as never;

export type OpenedWorker = { worker: Worker<unknown>; close: () => Promise<void> };

/** A BullMQ worker on a pool's queue. What arrives there is for the processor to check. */
export function openWorker(
  backend: QueueBackend,
  pool: string,
  processor: (data: unknown) => Promise<void>,
  options: Omit<WorkerOptions, "connection" | "prefix">,
  onError: (error: Error) => void,
): OpenedWorker {
  if (backend.kind === "redis") {
    const { connection, close } = redisConnection(backend.url, onError, {
      maxRetriesPerRequest: null,
      socketTimeout: SILENT_MS.consuming,
    });
    const worker = new Worker<unknown>(pool, (job) => processor(job.data), {
      ...options,
      connection,
      prefix: redisPrefix(backend.prefix, pool),
    });
    worker.on("error", onError);
    return { worker, close: closeBoth(worker, close) };
  }
  const { connection, close } = postgresConnection(backend.url, 8, onError);
  const worker = new Worker<unknown>(
    pool,
    (job) => processor(job.data),
    { ...options, connection: connection as never },
    ON_POSTGRES,
  );
  worker.on("error", onError);
  return { worker, close: closeBoth(worker, close) };
}

function redisConnection(
  url: string,
  onError: (error: Error) => void,
  options: {
    enableOfflineQueue?: boolean;
    maxRetriesPerRequest: number | null;
    commandTimeout?: number;
    socketTimeout: number;
  },
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
    // The queue may lose its last moments in a crash of Postgres: what is pending is published again from the ledger.
    options: `-c search_path=${DEFAULT_SCHEMA} -c timezone=UTC -c synchronous_commit=off`,
    connectionTimeoutMillis: 5_000,
    query_timeout: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  connection.on("error", onError);
  // Also while BullMQ holds one: an error that nobody hears ends the process.
  connection.on("connect", (client) => client.on("error", onError));
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
