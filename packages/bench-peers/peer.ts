/** Another queue on Postgres, as the bench drives it: one process adds jobs, others work them off. */
export type QueuePeer = {
  /** As it is called in the results. */
  name: string;
  /** What a worker process of it is started from; it is told what to do by `PeerEnv`. */
  workerFile: string;
  /** What its worker processes are to do differently from another peer of the same file. */
  mode: string;
  /** Makes its tables. */
  prepare(databaseUrl: string): Promise<void>;
  /** Adds one empty job for each instant (milliseconds) at which one is due. */
  add(databaseUrl: string, dueAt: readonly number[]): Promise<void>;
  /** A query that answers one row with `drained`: whether all that was added is recorded as done. */
  drained: string;
};

/** Jobs that are added in one statement. */
export const ADD_CHUNK = 5_000;

/** The environment of a worker process. */
export const PEER_ENV = { databaseUrl: "BENCH_DATABASE_URL", mode: "BENCH_MODE", concurrency: "BENCH_CONCURRENCY" };

/** What a worker process did since it last said so; nothing, when it is ready. Instants in milliseconds. */
export type PeerReport = {
  /** Jobs that have ended, the end of the first of them and of the last. */
  done: number;
  first: number;
  last: number;
  /** Of those that were begun: how late, in milliseconds. */
  late: number[];
};

export const chunks = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
