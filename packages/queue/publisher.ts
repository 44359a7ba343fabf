import type { Priority } from "@belfry/contract/states.ts";
import { withDeadline } from "@belfry/service/deadline.ts";
import { type MessageQueue, type Opened, openQueue, type QueueBackend } from "./backend.ts";

/** One execution's turn on the queue. */
export type Publication = { executionId: string; attempt: number; dispatch: number; pool: string; priority: Priority };

export type Publisher = {
  /** Puts messages on their pools' queues. Throws when a queue did not take them within the deadline; some may be there all the same. */
  publish(publications: readonly Publication[]): Promise<void>;
  close(): Promise<void>;
};

/** BullMQ serves lower numbers first, and what has none (0) before all. */
const BULLMQ_PRIORITY: Record<Priority, number> = { critical: 0, high: 1, medium: 2, low: 3, background: 4 };

const PUBLISH_DEADLINE_MS = 3_000;

export function createPublisher(backend: QueueBackend, onError: (error: Error) => void): Publisher {
  const queues = new Map<string, Opened<MessageQueue>>();

  return {
    async publish(publications) {
      const byPool = Map.groupBy(publications, (p) => p.pool);
      const results = [...byPool].map(([pool, ofPool]) => withDeadline("publishing", PUBLISH_DEADLINE_MS, addAll(queueOf(pool), ofPool)));
      await Promise.all(results);
    },
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };

  function queueOf(pool: string): MessageQueue {
    const known = queues.get(pool);
    if (known) return known.opened;
    const opened = openQueue(backend, pool, onError);
    queues.set(pool, opened);
    return opened.opened;
  }
}

function addAll(queue: MessageQueue, publications: readonly Publication[]): Promise<unknown> {
  return queue.addBulk(
    publications.map(({ executionId, attempt, dispatch, priority }) => ({
      name: "execution",
      data: { executionId, attempt },
      opts: {
        // BullMQ ignores an id that it still keeps, refuses ids with one colon and ids of digits only.
        jobId: `${executionId}-${attempt}-${dispatch}`,
        priority: BULLMQ_PRIORITY[priority],
        // One recovery path, and it is in Postgres.
        attempts: 1,
        removeOnComplete: true,
        removeOnFail: true,
      },
    })),
  );
}
