import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { FastifyAdapter } from "@bull-board/fastify";
import { openQueues, type QueueBackend, SYSTEM_QUEUE } from "./backend.ts";

export type Board = {
  /** A Fastify plugin; register it with the prefix `basePath`. */
  plugin: ReturnType<FastifyAdapter["registerPlugin"]>;
  /** Shows the system queue, and the queues of these pools, besides those already shown. */
  show(pools: readonly string[]): void;
  /** Whether the queue's server is connected; while it is not, the pages would hang. */
  isReady(deadlineMs: number): Promise<boolean>;
  close(): Promise<void>;
};

/** Bull Board on the system queue, which is only ever shown, and on the pools' queues. Who may open it is for the caller to decide: it asks nobody. */
export function createBoard(
  backend: QueueBackend,
  { basePath, writable, onError }: { basePath: string; writable: boolean; onError: (error: Error) => void },
): Board {
  const serverAdapter = new FastifyAdapter().setBasePath(basePath);
  const board = createBullBoard({
    queues: [],
    serverAdapter,
    options: { uiConfig: { boardTitle: "Belfry" } },
  });
  const queues = openQueues(backend, onError);
  const shown = new Set<string>();
  return {
    plugin: serverAdapter.registerPlugin(),
    show(pools) {
      if (!shown.has(SYSTEM_QUEUE)) {
        shown.add(SYSTEM_QUEUE);
        const shownAs = { displayName: "system", description: "the cluster's own duties" };
        board.addQueue(new BullMQAdapter(queues.queue(SYSTEM_QUEUE), { readOnlyMode: true, ...shownAs }));
      }
      for (const pool of pools) {
        if (shown.has(pool)) continue;
        shown.add(pool);
        board.addQueue(new BullMQAdapter(queues.queue(pool), { readOnlyMode: !writable, description: `pool ${pool}` }));
      }
    },
    isReady: queues.isReady,
    close: queues.close,
  };
}
