import { type ExecutionMessage, executionMessage } from "@belfry/contract/message.ts";
import { openWorker, type QueueBackend } from "./backend.ts";

export type Consumer = {
  /** Fetches no more. What was fetched goes on. */
  pause(): Promise<void>;
  /** Lets go of the queue. Call after what was fetched has ended. */
  close(): Promise<void>;
};

export type ConsumerOptions = {
  /** Messages handled at once. */
  concurrency: number;
  /** Has the message been dealt with, one way or the other? Throwing changes nothing but BullMQ's own statistics. */
  handle: (message: ExecutionMessage) => Promise<void>;
  /** Something arrived that is no message of ours. */
  onRefused: (data: unknown) => void;
  onError: (error: Error) => void;
};

/** Takes messages off a pool's queue and hands each to `handle`. */
export function consume(
  backend: QueueBackend,
  pool: string,
  { concurrency, handle, onRefused, onError }: ConsumerOptions,
): Consumer {
  const { worker, close } = openWorker(
    backend,
    pool,
    async (data) => {
      const message = executionMessage.safeParse(data);
      if (message.success) await handle(message.data);
      else onRefused(data);
    },
    {
      concurrency,
      // A message whose worker died is dropped: the ledger knows, and publishes it again. Soon, since until then
      // BullMQ ignores another of its id.
      maxStalledCount: 0,
      lockDuration: 10_000,
      stalledInterval: 5_000,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      runRetryDelay: 1_000,
    },
    onError,
  );
  return {
    pause: () => worker.pause(true),
    close,
  };
}
