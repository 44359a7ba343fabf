import { ApiError } from "@belfry/contract/errors.ts";
import type { Db } from "@belfry/db/client.ts";
import { listPools } from "@belfry/db/pools.ts";
import type { Board } from "@belfry/queue/board.ts";
import type { FastifyInstance } from "fastify";

export const BOARD_PATH = "/admin/queues";

/** Pools come and go with jobs and workers: looked for again when somebody looks, at most this often. */
const LOOK_AGAIN_MS = 5_000;
/** A connection that is just being made is waited for, one that is gone is not. */
const READY_WITHIN_MS = 1_000;
/** More than this nobody reads on a page. */
const MAX_POOLS = 100;

/** The queues' board, for `buildApp`, which puts it behind an admin's key. */
export function mountBoard(db: Db, board: Board): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    let lookedAt = Number.NEGATIVE_INFINITY;
    app.addHook("onRequest", async (request) => {
      // Bull Board would wait for it, for as long as it takes.
      if (!(await board.isReady(READY_WITHIN_MS))) throw new ApiError("UNAVAILABLE", "the queue cannot be reached");
      if (performance.now() - lookedAt < LOOK_AGAIN_MS) return;
      lookedAt = performance.now();
      // Without the database the queues that are known are still worth looking at.
      const pools = await listPools(db, MAX_POOLS).catch((err: unknown) => {
        request.log.warn({ err }, "pools not known");
        return [];
      });
      board.show(pools);
    });
    await app.register(board.plugin, { prefix: BOARD_PATH });
  };
}
