import type { Db } from "@belfry/db/client.ts";
import { type Dispatch, returnToPublish, takeForPublish } from "@belfry/db/outbox.ts";
import type { Publisher } from "@belfry/queue/publisher.ts";
import type { Logger } from "@belfry/service/logger.ts";
import { crowding } from "./crowding.ts";

export type PublishTools = { db: Db; publisher: Publisher; log: Logger };

/** How long what a queue did not take waits at most until it is published again. */
const REFUSED_MAX_MS = 5_000;

/**
 * Puts committed executions on the queue and returns how many it took. Never throws: what it does not take is handed
 * back to the ledger, from where `publishPending` takes it again.
 */
export async function publish({ db, publisher, log }: PublishTools, dispatches: readonly Dispatch[]): Promise<number> {
  let taken = dispatches.length;
  for (const { pool, publications, error } of await publisher.publish(dispatches)) {
    taken -= publications.length;
    log.warn(
      { err: error, pool, executions: publications.length },
      "the queue did not take executions, they will be published again",
    );
    // A queue that is only slow may have taken them: the oftener that happened, the longer it is left in peace.
    const oftenest = Math.max(...publications.map((p) => p.dispatch));
    const inMs = Math.min(REFUSED_MAX_MS, 500 * 2 ** Math.min(oftenest, 10));
    const ids = publications.map((p) => p.executionId);
    // If the ledger is away as well, they come back by themselves, only later.
    await returnToPublish(db, ids, inMs).catch((err: unknown) =>
      log.warn({ err }, "executions could not be handed back to the ledger"),
    );
  }
  return taken;
}

/**
 * Publishes what waits in the ledger: manual runs, retries, and what was published and never claimed because its
 * message is lost. Returns how many it took from the ledger. After a batch that few accounts have filled comes one of all
 * others, who would wait for the end of theirs.
 */
export async function publishPending(tools: PublishTools, limit: number): Promise<number> {
  const dispatches = await takeForPublish(tools.db, limit);
  const crowd = crowding(dispatches, limit);
  if (crowd.length > 0) dispatches.push(...(await takeForPublish(tools.db, limit, crowd)));
  await publish(tools, dispatches);
  return dispatches.length;
}
