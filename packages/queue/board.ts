import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { FastifyAdapter } from "@bull-board/fastify";
import { type MessageQueue, type Opened, openQueue, type QueueBackend } from "./backend.ts";

export type Board = {
  /** A Fastify plugin; register it with the prefix `basePath`. */
  plugin: ReturnType<FastifyAdapter["registerPlugin"]>;
  /** Shows the queues of these pools besides those already shown. */
  show(pools: readonly string[]): void;
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
  const shown = new Map<string, Opened<MessageQueue>>();
  return {
    plugin: serverAdapter.registerPlugin(),
    show(pools) {
      for (const pool of pools) {
        if (shown.has(pool)) continue;
        const queue = openQueue(backend, pool, onError);
        shown.set(pool, queue);
        board.addQueue(new BullMQAdapter(queue.opened, { readOnlyMode: !writable, description: `pool ${pool}` }));
      }
    },
    async close() {
      await Promise.all([...shown.values()].map((queue) => queue.close()));
    },
  };
}
