import type { Phase } from "@belfry/contract/states.ts";
import { sql } from "drizzle-orm";
import { check, index, integer, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";
import { createdAt, instant } from "./columns.ts";

/**
 * Phases that a function answers later, by a call of its own. A row comes into being with the function's 202, or with
 * its call if that is faster. No token is kept: it is computed.
 */
export const callbacks = pgTable(
  "callbacks",
  {
    executionId: uuid("execution_id").notNull(),
    attempt: integer("attempt").notNull(),
    phase: text("phase").$type<Phase>().notNull(),
    createdAt: createdAt(),
    /** When the worker read the function's 202. */
    acceptedAt: instant("accepted_at"),
    heartbeatAt: instant("heartbeat_at"),
    answeredAt: instant("answered_at"),
    /** JSON text as the function sent it. Text, since it may hold what Postgres does not take for JSON. */
    answer: text("answer"),
    /** When the worker stopped waiting without an answer: from here on none counts. */
    closedAt: instant("closed_at"),
  },
  (t) => [
    primaryKey({ name: "callbacks_pkey", columns: [t.executionId, t.attempt, t.phase] }),
    check("callbacks_phase", sql`${t.phase} in ('check', 'perform')`),
    check("callbacks_answer", sql`(${t.answeredAt} is null) = (${t.answer} is null)`),
    check("callbacks_end", sql`${t.answeredAt} is null or ${t.closedAt} is null`),
    index("callbacks_oldest").on(t.createdAt),
  ],
);
