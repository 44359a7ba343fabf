import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PEER_ENV, type PeerReport, type QueuePeer } from "@belfry/bench-peers/peer.ts";
import pg from "pg";
import { type Child, startChild } from "./child.ts";
import { openGround } from "./cluster.ts";
import type { Servers } from "./servers.ts";
import { TooBusy } from "./too-busy.ts";

/** Nothing planned takes this long on any machine: something hangs. */
const GIVE_UP_MS = 180_000;
/** Peers add jobs this fast at least; what is due must not be due before it is added. */
const JOBS_PER_MS = 2;

const LOOK_EVERY_MS = 5;

type PeerRun = {
  /** Adds empty jobs that are due at these instants. */
  add(dueAt: readonly number[]): Promise<void>;
  /** Waits until so many more are recorded as done. Answers with the ends of the first and the last of them, and how late each began. */
  ended(count: number): Promise<{ first: number; last: number; late: number[] }>;
};

/** Worker processes of a peer on a fresh database, all of them ready. */
export async function startPeer(
  servers: Servers,
  peer: QueuePeer,
  { workers, concurrency }: { workers: number; concurrency: number },
  scope: AsyncDisposableStack,
): Promise<PeerRun> {
  const { databaseUrl } = await openGround(servers, "postgres", scope);
  await peer.prepare(databaseUrl);
  const logs = mkdtempSync(join(tmpdir(), "belfry-bench-logs-"));
  scope.defer(() => rmSync(logs, { recursive: true, force: true }));
  const env = {
    ...process.env,
    [PEER_ENV.databaseUrl]: databaseUrl,
    [PEER_ENV.mode]: peer.mode,
    [PEER_ENV.concurrency]: String(concurrency),
  };
  const children = Array.from({ length: workers }, (_, i) => {
    const child = startChild(peer.workerFile, { env, logFile: join(logs, `peer-${i}.log`) });
    scope.defer(child.stop);
    return child;
  });
  const counted = countReports(peer.name, children);
  await Promise.all(children.map((child) => child.ready));
  const client = new pg.Client(databaseUrl);
  client.on("error", () => undefined);
  await client.connect();
  scope.defer(() => client.end());
  return {
    add: (dueAt) => peer.add(databaseUrl, dueAt),
    async ended(count) {
      const ended = await counted(count);
      // A job's function may have returned before its end is recorded.
      for (;;) {
        const { rows } = await client.query<{ drained: boolean }>(peer.drained);
        if (rows[0]?.drained) break;
        ended.last = Date.now();
        await sleep(LOOK_EVERY_MS);
      }
      return ended;
    },
  };
}

/**
 * Jobs a second of a peer, from the end of the first to the end of the last of so many that are due at the same moment: how
 * long it takes to notice that they are due does not count here.
 */
export async function measurePeer(
  servers: Servers,
  peer: QueuePeer,
  size: { executions: number; workers: number; concurrency: number },
  all: AsyncDisposableStack,
): Promise<{ perSecond: number }> {
  await using scope = new AsyncDisposableStack();
  all.defer(() => scope.disposeAsync());
  const run = await startPeer(servers, peer, size, scope);
  const backlog = async (count: number) => {
    const dueAt = Date.now() + 2_000 + Math.ceil(count / JOBS_PER_MS);
    await run.add(Array.from({ length: count }, () => dueAt));
    if (Date.now() > dueAt) throw new TooBusy(peer.name);
    return run.ended(count);
  };
  await backlog(Math.ceil(size.executions / 5));
  const { first, last } = await backlog(size.executions);
  return { perSecond: ((size.executions - 1) / Math.max(1, last - first)) * 1000 };
}

/** How late a peer's jobs begin, in milliseconds, that are due so many milliseconds after a moment by which all of them are added. */
export async function measurePeerLateness(
  servers: Servers,
  peer: QueuePeer,
  size: { dueIn: readonly number[]; workers: number; concurrency: number },
  all: AsyncDisposableStack,
): Promise<number[]> {
  await using scope = new AsyncDisposableStack();
  all.defer(() => scope.disposeAsync());
  const run = await startPeer(servers, peer, size, scope);
  const begin = Date.now() + 2_000 + Math.ceil(size.dueIn.length / JOBS_PER_MS);
  await run.add(size.dueIn.map((ms) => begin + ms));
  if (Date.now() > begin) throw new TooBusy(peer.name);
  return (await run.ended(size.dueIn.length)).late;
}

/** Adds up what the workers say. More jobs than were added is an error, and so is a worker that ends. */
function countReports(name: string, children: readonly Child[]): PeerRun["ended"] {
  let reports: PeerReport[] = [];
  let onReport = (): void => undefined;
  for (const child of children) {
    child.onMessage((message) => {
      reports.push(message as PeerReport);
      onReport();
    });
  }
  const crashed = Promise.race(children.map((child) => child.crashed));
  crashed.catch(() => undefined);

  return async (count) => {
    const reached = new Promise<void>((resolve, reject) => {
      onReport = () => {
        const done = reports.reduce((sum, report) => sum + report.done, 0);
        if (done > count) reject(new Error(`${name} ran ${done} jobs of ${count}`));
        if (done === count) resolve();
      };
      onReport();
    });
    await Promise.race([crashed, reached, giveUp(name)]);
    const ended = reports.filter(({ done }) => done > 0);
    reports = [];
    return {
      first: Math.min(...ended.map(({ first }) => first)),
      last: Math.max(...ended.map(({ last }) => last)),
      late: ended.flatMap(({ late }) => late),
    };
  };
}

async function giveUp(name: string): Promise<never> {
  await sleep(GIVE_UP_MS, undefined, { ref: false });
  throw new Error(`${name}: the backlog does not come to an end`);
}
