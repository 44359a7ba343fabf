import { sql } from "drizzle-orm";
import { index, integer, pgTable, text } from "drizzle-orm/pg-core";
import { instant } from "./columns.ts";

/** Liveness, one row a worker process. `stoppedAt` ends it for good: what it still runs is lost, and it can claim no more. */
export const workers = pgTable(
  "workers",
  {
    id: text("id").primaryKey(),
    pool: text("pool").notNull(),
    host: text("host").notNull(),
    pid: integer("pid").notNull(),
    concurrency: integer("concurrency").notNull(),
    /** Names of the modules that it has loaded. */
    modules: text("modules").array().notNull(),
    startedAt: instant("started_at").notNull().default(sql`now()`),
    lastSeenAt: instant("last_seen_at").notNull().default(sql`now()`),
    stoppedAt: instant("stopped_at"),
  },
  (t) => [index("workers_living").on(t.lastSeenAt).where(sql`stopped_at is null`)],
);
