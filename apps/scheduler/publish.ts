import type { Db } from "@belfry/db/client.ts";
import { type Dispatch, returnToPublish, takeForPublish } from "@belfry/db/executions.ts";
import type { Publisher } from "@belfry/queue/publisher.ts";
import type { Logger } from "@belfry/service/logger.ts";

export type PublishTools = { db: Db; publisher: Publisher; log: Logger };

/**
 * Puts committed executions on the queue. Never throws: what the queue does not take is handed back to the ledger,
 * from where `publishPending` takes it again.
 */
export async function publish({ db, publisher, log }: PublishTools, dispatches: readonly Dispatch[]): Promise<boolean> {
  if (dispatches.length === 0) return true;
  try {
    await publisher.publish(dispatches);
    return true;
  } catch (error) {
    log.warn({ err: error, executions: dispatches.length }, "the queue did not take executions, they will be published again");
    // Without this they would be published again as well, only later.
    await returnToPublish(db, dispatches.map((d) => d.executionId)).catch(() => undefined);
    return false;
  }
}

/**
 * Publishes what waits in the ledger: manual runs, retries, and what was published and never claimed because its
 * message is lost. Returns how many it published, or null when the queue does not take any.
 */
export async function publishPending(tools: PublishTools, limit: number): Promise<number | null> {
  const dispatches = await takeForPublish(tools.db, limit);
  return (await publish(tools, dispatches)) ? dispatches.length : null;
}
