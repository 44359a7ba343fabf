import type { FileProblem, Offer } from "@belfry/contract/registry.ts";
import { sql } from "drizzle-orm";
import { index, integer, pgTable, text } from "drizzle-orm/pg-core";
import { instant, json } from "./columns.ts";

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
    /** The same with what else is known of them, and the files of its folder that it cannot use. */
    offers: json<Offer[]>("offers").notNull().default([]),
    problems: json<FileProblem[]>("problems").notNull().default([]),
    startedAt: instant("started_at").notNull().default(sql`now()`),
    lastSeenAt: instant("last_seen_at").notNull().default(sql`now()`),
    stoppedAt: instant("stopped_at"),
  },
  (t) => [index("workers_living").on(t.lastSeenAt).where(sql`stopped_at is null`)],
);
