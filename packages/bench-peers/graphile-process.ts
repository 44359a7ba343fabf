// One worker process of graphile-worker. The settings are those of its page on performance, but for a shorter poll: it is
// what finds jobs whose time has come, and the default of 2 s would be most of their lateness.

import { Logger, run } from "graphile-worker";
import { TASK } from "./graphile.ts";
import { peerProcess } from "./report.ts";

const CONCURRENT_JOBS = 24;
const POLL_MS = 100;

const peer = peerProcess();
const batched = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };
const runner = await run({
  preset: {
    worker: {
      connectionString: peer.databaseUrl,
      concurrentJobs: CONCURRENT_JOBS,
      maxPoolSize: CONCURRENT_JOBS + 1,
      pollInterval: POLL_MS,
      logger: new Logger(() => () => undefined),
      ...(peer.mode === "batched" && batched),
    },
  },
  noHandleSignals: true,
  taskList: {
    [TASK]: async (payload) => {
      peer.begins((payload as { due: number }).due);
      peer.ends(1);
    },
  },
});
peer.ready(() => runner.stop());
