/** The cluster's own recurring duties as BullMQ Job Schedulers, on a queue of their own. */
import { type DutyMessage, dutyMessage } from "@belfry/contract/message.ts";
import { withDeadline } from "@belfry/service/deadline.ts";
import { type MessageQueue, openQueues, openWorker, type QueueBackend, SYSTEM_QUEUE } from "./backend.ts";
import type { Consumer } from "./consumer.ts";

export type Recurring = { name: string; everyMs: number };

/**
 * What makes duties recur. Every call ends within a deadline, or throws. BullMQ makes the next iteration only when the
 * last one begins, so a chain can break: whoever needs a duty done has to look whether it was.
 */
export type SystemQueue = {
  /**
   * Makes exactly these recur, the new ones for the first time at once, and answers the names of those that did not, or
   * not so often. One that recurs as it should is left alone: it is when many write one at once that BullMQ has lost or
   * doubled some (taskforcesh/bullmq issues 2876, 3262, 3381).
   */
  register(duties: readonly Recurring[]): Promise<string[]>;
  /** Makes one anew, which is then due at once. */
  restart(duty: Recurring): Promise<void>;
  /** When it is due next, in milliseconds since the epoch by the clock of who put it there; null if it does not recur. */
  nextRunAt(name: string): Promise<number | null>;
  close(): Promise<void>;
};

const DEADLINE_MS = 5_000;

export function openSystemQueue(backend: QueueBackend, onError: (error: Error) => void): SystemQueue {
  const queues = openQueues<DutyMessage>(backend, onError);
  return {
    register: (duties) => within("registering duties", (queue) => register(queue, duties)),
    restart: (duty) => within("restarting a duty", (queue) => restart(queue, duty)),
    nextRunAt: (name) =>
      within("asking for a duty", async (queue) => (await queue.getJobScheduler(name))?.next ?? null),
    close: queues.close,
  };

  async function within<T>(what: string, act: (queue: MessageQueue<DutyMessage>) => Promise<T>): Promise<T> {
    try {
      return await withDeadline(what, DEADLINE_MS, act(queues.queue(SYSTEM_QUEUE)));
    } catch (error) {
      queues.drop(SYSTEM_QUEUE);
      throw error;
    }
  }
}

async function register(queue: MessageQueue<DutyMessage>, duties: readonly Recurring[]): Promise<string[]> {
  const known = new Map((await queue.getJobSchedulers()).map(({ key, every }) => [key, every]));
  const missing = duties.filter(({ name, everyMs }) => known.get(name) !== everyMs);
  for (const duty of missing) {
    await restart(queue, duty).catch(async (error: unknown) => {
      // Of two that write it at once, BullMQ may refuse one: then the other has done it.
      if ((await queue.getJobScheduler(duty.name))?.every !== duty.everyMs) throw error;
    });
  }
  const names = new Set(duties.map(({ name }) => name));
  for (const key of known.keys()) if (!names.has(key)) await queue.removeJobScheduler(key);
  return missing.map(({ name }) => name);
}

/** Never over one that is there: on Postgres BullMQ would keep its place in the old interval, hours away in a short one. */
async function restart(queue: MessageQueue<DutyMessage>, { name, everyMs }: Recurring): Promise<void> {
  await queue.removeJobScheduler(name);
  await queue.upsertJobScheduler(
    name,
    { every: everyMs },
    // As with executions: nothing is kept, and what failed is not tried again by BullMQ.
    { name, data: { duty: name }, opts: { attempts: 1, removeOnComplete: true, removeOnFail: true } },
  );
}

export type SystemConsumerOptions = {
  /** Duties at once. */
  concurrency: number;
  /** A duty is due, or perhaps was: the same may come twice, and from several consumers at once. */
  handle: (name: string) => Promise<void>;
  /** Something arrived that is no message of ours. */
  onRefused: (data: unknown) => void;
  onError: (error: Error) => void;
};

/** Takes due duties off the system queue and hands each to `handle`. */
export function consumeSystem(
  backend: QueueBackend,
  { concurrency, handle, onRefused, onError }: SystemConsumerOptions,
): Consumer {
  const { worker, close } = openWorker(
    backend,
    SYSTEM_QUEUE,
    async (data) => {
      const message = dutyMessage.safeParse(data);
      if (message.success) await handle(message.data.duty);
      else onRefused(data);
    },
    {
      concurrency,
      // BullMQ exempts what recurs from this limit: a duty whose scheduler was killed comes again after a minute.
      maxStalledCount: 0,
      lockDuration: 30_000,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      runRetryDelay: 1_000,
    },
    onError,
  );
  return { pause: () => worker.pause(true), close };
}
