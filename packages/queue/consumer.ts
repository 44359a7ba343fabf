import { type DispatchedExecution, executionMessage, executionsIn, MAX_BUNDLE } from "@belfry/contract/message.ts";
import { openWorker, type QueueBackend } from "./backend.ts";
import { createSlots } from "./slots.ts";

export type Consumer = {
  /** Fetches no more. What has begun goes on; what still comes, or waits here for its turn, is handed on. */
  pause(): Promise<void>;
  /** Lets go of the queue. Call after what was fetched has ended. */
  close(): Promise<void>;
};

export type ConsumerOptions = {
  /** Executions handled at once. */
  concurrency: number;
  /** Deals with an execution, one way or the other; its slot is free when this has settled. Errors are its own to tell. */
  handle: (execution: DispatchedExecution) => Promise<void>;
  /** These were fetched and find no slot here: another consumer is to have them. */
  handOn: (executions: DispatchedExecution[]) => Promise<void>;
  /** Something arrived that is no message of ours. */
  onRefused: (data: unknown) => void;
  onError: (error: Error) => void;
};

/** For a slot is waited so long: a message is fetched when there is one, but a bundle may need more. */
const PATIENCE_MS = 1_000;

/**
 * Takes messages off a pool's queue and hands the executions in them to `handle`. A message has done its duty when they
 * have begun: from then on the ledger knows who runs what.
 */
export function consume(
  backend: QueueBackend,
  pool: string,
  { concurrency, handle, handOn, onRefused, onError }: ConsumerOptions,
): Consumer {
  const slots = createSlots(concurrency);
  let isFull = false;
  let isPaused = false;
  const { worker, close } = openWorker(
    backend,
    pool,
    async (data) => {
      const message = executionMessage.safeParse(data);
      if (message.success) await begin(executionsIn(message.data));
      else onRefused(data);
    },
    {
      concurrency: messagesFor(concurrency),
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
    async pause() {
      isPaused = true;
      slots.shut();
      await worker.pause(true);
    },
    close,
  };

  async function begin(executions: readonly DispatchedExecution[]): Promise<void> {
    const until = performance.now() + PATIENCE_MS;
    const left: DispatchedExecution[] = [];
    for (const execution of executions) {
      if (await slots.take(until - performance.now())) start(execution);
      else left.push(execution);
    }
    if (left.length === 0 && (await untilFree())) return;
    // What runs here takes its time: what is not fetched is there for others.
    isFull = true;
    await worker.pause(true);
    if (left.length > 0) await handOn(left);
  }

  /** BullMQ fetches the next message as soon as one is done: this one is not, as long as there is no slot for the next. */
  async function untilFree(): Promise<boolean> {
    if (slots.free() > 0) return true;
    const isFree = await slots.take(PATIENCE_MS);
    if (isFree) slots.leave();
    return isFree;
  }

  function start(execution: DispatchedExecution): void {
    const leave = () => {
      slots.leave();
      worker.concurrency = messagesFor(slots.free());
      if (!isFull || isPaused || slots.free() === 0) return;
      isFull = false;
      worker.resume().catch(onError);
    };
    handle(execution).then(leave, leave);
    worker.concurrency = messagesFor(slots.free());
  }
}

/** How many messages may be fetched at once while so many slots are free, as if all were bundles; BullMQ wants one at least. */
const messagesFor = (free: number): number => Math.max(1, Math.ceil(free / MAX_BUNDLE));
