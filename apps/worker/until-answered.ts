import { setTimeout as sleep } from "node:timers/promises";
import { isRefused } from "@belfry/db/pg-error.ts";
import type { Logger } from "@belfry/service/logger.ts";

const RETRY_EVERY_MS = 250;

/**
 * Does what needs Postgres again and again until that has answered, for work that must not be forgotten and does no
 * harm when it is done twice. Throws what Postgres refuses for good, and once `lost` is aborted.
 */
export async function untilAnswered<T>(work: () => Promise<T>, log: Logger, lost: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (isRefused(error) || lost.aborted) throw error;
      log.warn({ err: error }, "ledger does not answer, trying again");
      await sleep(RETRY_EVERY_MS, undefined, { signal: lost });
    }
  }
}
