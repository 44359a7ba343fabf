import type { DispatchedExecution } from "@belfry/contract/message.ts";
import type { Db } from "@belfry/db/client.ts";
import { recordLost } from "@belfry/db/executions.ts";
import { returnToPublish } from "@belfry/db/outbox.ts";
import { markStopped } from "@belfry/db/workers.ts";
import type { QueueBackend } from "@belfry/queue/backend.ts";
import { consume } from "@belfry/queue/consumer.ts";
import { withDeadline } from "@belfry/service/deadline.ts";
import { rateLimited } from "@belfry/service/rate-limited.ts";
import { type ExecuteTools, execute } from "./execute.ts";
import { type Running, StopReason } from "./running.ts";

export type WorkerTools = ExecuteTools & { db: Db; backend: QueueBackend; running: Running };

/** What is left for handing back and closing when running executions did not end within the deadline. */
const HAND_BACK_MS = 1_500;

/** Takes executions off the pool's queue until it is drained. */
export function startConsuming(tools: WorkerTools, worker: { id: string; pool: string; concurrency: number }) {
  const { ledger, running, log, db } = tools;

  function handle({ executionId, attempt }: DispatchedExecution): Promise<void> {
    // Its slot is free for another as soon as there is nothing to do but wait; it stays in hand until it has ended.
    const waiting = Promise.withResolvers<void>();
    const ended = running.track(executionId, async (signal) => {
      const claimed = await ledger.claim(executionId, attempt);
      if (claimed) await execute(claimed, tools, signal, waiting.resolve);
      else log.debug({ execution_id: executionId, attempt }, "nothing to claim, message dropped");
    });
    ended.catch(undone(executionId));
    return Promise.race([ended, waiting.promise]);
  }

  /** Whatever state this leaves the row in is mended: pending, it is published again; running, the heartbeat finds that this worker does not run it. */
  const undone = (executionId: string) => (error: unknown) =>
    log.error({ err: error, execution_id: executionId }, "message could not be dealt with");

  const consumer = consume(tools.backend, worker.pool, {
    concurrency: worker.concurrency,
    handle,
    async handOn(executions) {
      const ids = executions.map(({ executionId }) => executionId);
      await returnToPublish(db, ids, 0).catch(undone(ids.join()));
    },
    onRefused: (data) => log.warn({ data: JSON.stringify(data)?.slice(0, 200) }, "a message that is none was dropped"),
    onError: rateLimited((error: Error) => log.warn({ err: error }, "queue trouble")),
  });

  return {
    /** No new claim from here on; what runs may finish until shortly before the deadline, the rest is handed back. */
    async drain(deadlineMs: number): Promise<void> {
      await consumer.pause();
      log.info({ running: running.count() }, "draining");
      await withDeadline("draining", Math.max(0, deadlineMs - HAND_BACK_MS), running.idle()).catch(() => undefined);
      const error = { code: "WORKER_STOPPED", message: "its worker was shut down before it was done" } as const;
      running.stopAll(new StopReason(error.code, error.message));
      await withDeadline("stopping", 200, running.idle()).catch(() => undefined);
      await markStopped(db, worker.id);
      const handedBack = await recordLost(db, { error, limit: 10_000 });
      if (handedBack.length > 0) log.warn({ executions: handedBack.length }, "handed back what did not finish in time");
      await withDeadline("closing the queue", 500, consumer.close()).catch(() => undefined);
    },
  };
}
