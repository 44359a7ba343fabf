// One worker process of pg-boss: by `work()` at the shortest poll that it takes, fetching on while batches come back full; or by
// loops of `fetch` and `complete` that wait only when nothing came.

import { setTimeout as sleep } from "node:timers/promises";
import { QUEUE, quietBoss } from "./pg-boss.ts";
import { peerProcess } from "./report.ts";

const BATCH = 100;
const AT_ONCE = 4;
const EMPTY_WAIT_MS = 50;

type Data = { due: number };

const peer = peerProcess();
const boss = quietBoss({ connectionString: peer.databaseUrl, migrate: false, schedule: false });
await boss.start();
let stopping = false;
if (peer.mode === "work") {
  const options = {
    batchSize: BATCH,
    pollingIntervalSeconds: 0.5,
    localConcurrency: AT_ONCE,
    burstWhenBatchFull: true,
  } as const;
  await boss.work<Data>(QUEUE, options, async (jobs) => {
    for (const job of jobs) peer.begins(job.data.due);
    peer.ends(jobs.length);
  });
} else {
  for (let i = 0; i < AT_ONCE; i++) void fetchAndComplete();
}
peer.ready(async () => {
  stopping = true;
  await boss.stop({ graceful: false });
});

async function fetchAndComplete(): Promise<void> {
  while (!stopping) {
    const jobs = await boss.fetch<Data>(QUEUE, { batchSize: BATCH });
    if (jobs.length === 0) {
      await sleep(EMPTY_WAIT_MS);
      continue;
    }
    for (const job of jobs) peer.begins(job.data.due);
    await boss.complete(
      QUEUE,
      jobs.map((job) => job.id),
    );
    peer.ends(jobs.length);
  }
}
