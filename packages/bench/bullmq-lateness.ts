import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openQueues } from "@belfry/queue/backend.ts";
import { BULLMQ_WORKER, POOL } from "./bullmq-throughput.ts";
import { startChild } from "./child.ts";
import { openGround } from "./cluster.ts";
import type { Servers } from "./servers.ts";
import { TooBusy } from "./too-busy.ts";

export type BullmqClock = "delayed jobs" | "job schedulers";

const BATCH = 1_000;
/** Schedulers that are made at the same time. */
const AT_ONCE = 200;
/** Jobs are added this fast at least; what is due must not be due before it is added. */
const JOBS_PER_MS = { "delayed jobs": 4, "job schedulers": 1 };
const SETTLE_MS = 3_000;

/**
 * How late BullMQ's own clocks are on Redis, in milliseconds: delayed jobs that are due so many milliseconds after a moment by
 * which all of them are added, or Job Schedulers of `everyMs` whose first iterations are due then.
 */
export async function measureBullmqLateness(
  servers: Servers,
  clock: BullmqClock,
  size: { dueIn: readonly number[]; everyMs: number; forMs: number; workers: number; concurrency: number },
  all: AsyncDisposableStack,
): Promise<number[]> {
  await using scope = new AsyncDisposableStack();
  all.defer(() => scope.disposeAsync());
  const { backend } = await openGround(servers, "redis", scope);
  const logs = mkdtempSync(join(tmpdir(), "belfry-bench-logs-"));
  scope.defer(() => rmSync(logs, { recursive: true, force: true }));
  const late: number[] = [];
  const env = {
    ...process.env,
    BENCH_BACKEND: JSON.stringify(backend),
    BENCH_POOL: POOL,
    BENCH_CONCURRENCY: String(size.concurrency),
  };
  const children = Array.from({ length: size.workers }, (_, i) => {
    const child = startChild(BULLMQ_WORKER, { env, logFile: join(logs, `bullmq-${i}.log`) });
    child.onMessage((message) => late.push(...(message as { late: number[] }).late));
    scope.defer(child.stop);
    return child;
  });
  await Promise.all(children.map((child) => child.ready));
  const queues = openQueues(backend, () => undefined);
  scope.defer(queues.close);
  const queue = queues.queue(POOL);
  await queue.waitUntilReady();
  const begin = Date.now() + 2_000 + Math.ceil(size.dueIn.length / JOBS_PER_MS[clock]);

  if (clock === "delayed jobs") {
    for (let start = 0; start < size.dueIn.length; start += BATCH) {
      const data = { executionId: "", attempt: 1 };
      const jobs = size.dueIn.slice(start, start + BATCH).map((ms) => {
        const opts = { delay: begin + ms - Date.now(), removeOnComplete: true, removeOnFail: true };
        return { name: "execution", data, opts };
      });
      await queue.addBulk(jobs);
    }
  } else {
    let next = 0;
    const makeSome = async () => {
      for (let i = next++; i < size.dueIn.length; i = next++) {
        const repeat = { every: size.everyMs, startDate: begin + (size.dueIn[i] ?? 0) };
        const opts = { removeOnComplete: true, removeOnFail: true };
        await queue.upsertJobScheduler(`s${i}`, repeat, { data: { executionId: "", attempt: 1 }, opts });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, makeSome));
  }
  if (Date.now() > begin) throw new TooBusy(`bullmq ${clock}`);
  // Jobs that come again come for ever: what counts is a stretch of time, and then what is on its way.
  const crashed = Promise.race(children.map((child) => child.crashed));
  await Promise.race([crashed, sleep(begin + size.forMs + SETTLE_MS - Date.now())]);
  return late;
}
