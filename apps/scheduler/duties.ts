import { forgetCallbacks } from "@belfry/db/callbacks.ts";
import { type Db, databaseNow } from "@belfry/db/client.ts";
import { forgetOldTests } from "@belfry/db/function-tests.ts";
import { makePartitions } from "@belfry/db/partitions.ts";
import { forgetStopped } from "@belfry/db/workers.ts";
import type { Logger } from "@belfry/service/logger.ts";
import { auditLately } from "./audit-lately.ts";
import type { Duty } from "./duty.ts";
import { expire } from "./expire.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export type DutyTools = { db: Db; databaseUrl: string; retentionDays: number; log: Logger };

/** What the cluster does for itself, and how often. Each may come twice, and in any scheduler; never two of a name at once. */
export const listDuties = ({ db, databaseUrl, retentionDays, log }: DutyTools): Duty[] => [
  {
    name: "partitions",
    everyMs: HOUR,
    async run() {
      const made = await makePartitions(db, { now: await databaseNow(db), retentionDays });
      return made.length === 0 ? "all there" : `made ${made.join(", ")}`;
    },
  },
  {
    name: "retention",
    everyMs: HOUR,
    run: () => expire(databaseUrl, retentionDays, log),
  },
  {
    name: "workers",
    everyMs: HOUR,
    run: async () => `${await forgetStopped(db)} workers forgotten`,
  },
  {
    name: "tests",
    everyMs: 5 * MINUTE,
    run: async () => `${await forgetOldTests(db)} tests forgotten`,
  },
  {
    name: "callbacks",
    everyMs: HOUR,
    run: async () => `${await forgetCallbacks(db)} answers forgotten`,
  },
  {
    name: "audit",
    everyMs: 15 * MINUTE,
    run: (signal) => auditLately(databaseUrl, log, signal),
  },
];
