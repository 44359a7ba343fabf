import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openQueues } from "@belfry/queue/backend.ts";
import { type Child, startChild } from "./child.ts";
import { type BackendKind, openGround } from "./cluster.ts";
import type { Servers } from "./servers.ts";

/** What a worker process says of itself, every few milliseconds: jobs so far, the last end, and how late those were that it has not told of. */
export type Done = { done: number; at: number; late: number[] };

export const POOL = "raw";
const BATCH = 1_000;
/** Batches under way at once, as many as the scheduler allows itself. */
const PARALLEL = 8;
export const BULLMQ_WORKER = fileURLToPath(new URL("./bullmq-worker.ts", import.meta.url));

/**
 * BullMQ alone, with nothing but what it needs: the same server, connections, worker processes, concurrency and message
 * size; a processor that does nothing, jobs that are removed when they are done, no priorities and no record. Jobs a
 * second from the first `addBulk` to the last job's end.
 */
export async function measureBullmq(
  servers: Servers,
  kind: BackendKind,
  { executions, workers, concurrency }: { executions: number; workers: number; concurrency: number },
  all: AsyncDisposableStack,
): Promise<{ perSecond: number }> {
  await using scope = new AsyncDisposableStack();
  all.defer(() => scope.disposeAsync());
  const ground = await openGround(servers, kind, scope);
  const logs = mkdtempSync(join(tmpdir(), "belfry-bench-logs-"));
  scope.defer(() => rmSync(logs, { recursive: true, force: true }));

  const env = {
    ...process.env,
    BENCH_BACKEND: JSON.stringify(ground.backend),
    BENCH_POOL: POOL,
    BENCH_CONCURRENCY: String(concurrency),
  };
  const children = Array.from({ length: workers }, (_, i) => {
    const child = startChild(BULLMQ_WORKER, { env, logFile: join(logs, `bullmq-${i}.log`) });
    scope.defer(child.stop);
    return child;
  });
  await Promise.all(children.map((child) => child.ready));
  const queues = openQueues(ground.backend, () => undefined);
  scope.defer(queues.close);

  const counted = countDone(children);
  const warmUp = Math.ceil(executions / 5);
  await Promise.all([addAll(warmUp), counted.untilDone(warmUp)]);
  const startedAt = Date.now();
  const [, endedAt] = await Promise.all([addAll(executions), counted.untilDone(warmUp + executions)]);
  return { perSecond: (executions / (endedAt - startedAt)) * 1000 };

  async function addAll(count: number): Promise<void> {
    let left = count;
    const producer = async () => {
      while (left > 0) {
        const size = Math.min(BATCH, left);
        left -= size;
        await queues.queue(POOL).addBulk(
          Array.from({ length: size }, () => {
            const executionId = randomUUID();
            const opts = { jobId: `${executionId}-1-1`, removeOnComplete: true, removeOnFail: true };
            return { name: "execution", data: { executionId, attempt: 1 }, opts };
          }),
        );
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, producer));
  }
}

/** Adds up what the workers say. Resolves with the instant of the last job's end; more jobs than expected is an error. */
function countDone(children: readonly Child[]): { untilDone(expected: number): Promise<number> } {
  const latest = new Map<Child, Done>();
  let onChange = (): void => undefined;
  for (const child of children) {
    child.onMessage((message) => {
      latest.set(child, message as Done);
      onChange();
    });
  }
  const crashed = Promise.race(children.map((child) => child.crashed));
  crashed.catch(() => undefined);
  return {
    untilDone: (expected) =>
      Promise.race([
        crashed,
        new Promise<number>((resolve, reject) => {
          onChange = () => {
            const all = [...latest.values()];
            const total = all.reduce((sum, { done }) => sum + done, 0);
            if (total > expected) reject(new Error(`BullMQ ran ${total} jobs of ${expected}`));
            if (total === expected) resolve(Math.max(...all.map(({ at }) => at)));
          };
          onChange();
        }),
      ]),
  };
}
