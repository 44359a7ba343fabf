// One worker process of the comparison with BullMQ alone: takes jobs, does nothing with them, and says how many.

import { openWorker, type QueueBackend } from "@belfry/queue/backend.ts";
import type { Done } from "./bullmq-throughput.ts";

const REPORT_EVERY_MS = 20;

const { BENCH_BACKEND = "", BENCH_POOL = "", BENCH_CONCURRENCY = "" } = process.env;
const count: Done = { done: 0, at: 0, late: [] };
let reported = 0;

const worker = openWorker(
  JSON.parse(BENCH_BACKEND) as QueueBackend,
  BENCH_POOL,
  async () => undefined,
  { concurrency: Number(BENCH_CONCURRENCY), removeOnComplete: { count: 0 }, removeOnFail: { count: 0 } },
  (error) => console.error(error),
);
worker.worker.on("active", ({ timestamp, opts }) => {
  // Delayed jobs, and the iterations of Job Schedulers, which are such.
  if (opts.delay) count.late.push(Date.now() - (timestamp + opts.delay));
});
worker.worker.on("completed", () => {
  count.done++;
  count.at = Date.now();
});
setInterval(() => {
  if (count.done === reported) return;
  reported = count.done;
  process.send?.(count);
  count.late = [];
}, REPORT_EVERY_MS);

process.once("disconnect", () => process.exit(0));
process.once("SIGTERM", () => {
  void worker.close().finally(() => process.exit(0));
});

await worker.worker.waitUntilReady();
process.send?.(count);
