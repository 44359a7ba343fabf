import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { FastifyAdapter } from "@bull-board/fastify";
import { openQueues, type QueueBackend } from "./backend.ts";

export type Board = {
  /** A Fastify plugin; register it with the prefix `basePath`. */
  plugin: ReturnType<FastifyAdapter["registerPlugin"]>;
  /** Shows the queues of these pools besides those already shown. */
  show(pools: readonly string[]): void;
  /** Whether the queue's server is connected; while it is not, the pages would hang. */
  isReady(deadlineMs: number): Promise<boolean>;
  close(): Promise<void>;
};

/** Bull Board on the pools' queues. Who may open it is for the caller to decide: it asks nobody. */
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
