import { type ExecutionMessage, MAX_BUNDLE } from "@belfry/contract/message.ts";
import type { Priority } from "@belfry/contract/states.ts";
import { withDeadline } from "@belfry/service/deadline.ts";
import { type MessageQueue, openQueues, type QueueBackend } from "./backend.ts";
import { createLanes, isSlow } from "./lanes.ts";

/** One execution's turn on the queue. */
export type Publication = {
  executionId: string;
  attempt: number;
  dispatch: number;
  accountId: string;
  pool: string;
  priority: Priority;
};

/** With the BullMQ priority that it gets. */
type Placed = Publication & { place: number };

/** What a pool's queue did not take within the deadline, and why. Some of it may be there all the same. */
export type Refusal = { pool: string; publications: Publication[]; error: unknown };

export type Publisher = {
  /** Puts messages on their pools' queues. Returns what was refused; one pool's trouble is not another's. */
  publish(publications: readonly Publication[]): Promise<Refusal[]>;
  close(): Promise<void>;
};

const PUBLISH_DEADLINE_MS = 3_000;

export function createPublisher(backend: QueueBackend, onError: (error: Error) => void): Publisher {
  const queues = openQueues(backend, onError);
  const lanes = createLanes();
  return {
    async publish(publications) {
      const placed = publications.map((p) => ({ ...p, place: lanes.place(p) }));
      const byPool = [...Map.groupBy(placed, (p) => p.pool)];
      const refusals = await Promise.all(byPool.map(([pool, ofPool]) => publishTo(pool, ofPool)));
      return refusals.flat();
    },
    close: queues.close,
  };

  async function publishTo(pool: string, publications: Placed[]): Promise<Refusal[]> {
    try {
      await withDeadline("publishing", PUBLISH_DEADLINE_MS, addAll(queues.queue(pool), publications));
      return [];
    } catch (error) {
      queues.drop(pool);
      return [{ pool, publications, error }];
    }
  }
}

function addAll(queue: MessageQueue, publications: readonly Placed[]): Promise<unknown> {
  return queue.addBulk(
    bundled(publications).map(({ data, jobId, place }) => ({
      name: "execution",
      data,
      opts: {
        jobId,
        priority: place,
        // One recovery path, and it is in Postgres.
        attempts: 1,
        // Nothing is kept: the record of what ran is the ledger, and on Postgres BullMQ's own trimming can deadlock.
        removeOnComplete: true,
        removeOnFail: true,
      },
    })),
  );
}

type Message = { data: ExecutionMessage; jobId: string; place: number };

/**
 * A crowd travels in bundles: to carry a message costs more than to run an empty function. Only at the first time: what
 * comes again comes by itself, so that an execution that waits for long is in three messages at most.
 */
function bundled(publications: readonly Placed[]): Message[] {
  const isOfCrowd = ({ place, dispatch }: Placed) => isSlow(place) && dispatch === 1;
  const alike = Map.groupBy(publications.filter(isOfCrowd), ({ accountId, priority }) => `${accountId} ${priority}`);
  const bundles = [...alike.values()].flatMap((those) => chunksOf(those, MAX_BUNDLE));
  const others = publications.filter((one) => !isOfCrowd(one)).map((one) => [one]);
  return [...others, ...bundles].map(messageOf);
}

function messageOf(publications: readonly Placed[]): Message {
  const { executionId, attempt, dispatch, place } = publications[0] as Placed;
  if (publications.length > 1) {
    const bundle = publications.map((one) => ({ executionId: one.executionId, attempt: one.attempt }));
    return { data: { bundle }, jobId: `${executionId}-${attempt}-bundle`, place };
  }
  // BullMQ ignores an id that it still keeps, refuses ids with one colon and ids of digits only. Two ids take turns: one
  // that is kept by mistake blocks only every other try.
  return { data: { executionId, attempt }, jobId: `${executionId}-${attempt}-${dispatch % 2}`, place };
}

function chunksOf<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}
