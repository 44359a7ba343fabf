import { databaseNow, withDatabase } from "@belfry/db/client.ts";
import { dropExpired } from "@belfry/db/retention.ts";
import type { Logger } from "@belfry/service/logger.ts";

/** A partition of a hundred million rows is counted in this time. */
const DEADLINE_MS = 1_800_000;

/** Lets go of what has expired, and warns of what should go and cannot. Answers in words what is gone. */
export function expire(databaseUrl: string, retentionDays: number, log: Logger): Promise<string> {
  const options = { url: databaseUrl, applicationName: "belfry retention", deadlineMs: DEADLINE_MS };
  return withDatabase(options, async (db) => {
    const { keptFrom, dropped, kept, deleted } = await dropExpired(db, { now: await databaseNow(db), retentionDays });
    for (const { name, why } of kept) log.warn({ partition: name, why }, "partition has expired and stays for now");
    if (keptFrom === null) return "everything is kept";
    const partitions = dropped.length === 0 ? "no partition" : dropped.join(", ");
    return `kept from ${new Date(keptFrom).toISOString()}; dropped ${partitions}, deleted ${deleted} other executions`;
  });
}
