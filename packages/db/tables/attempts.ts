import type { ExecutionError } from "@belfry/contract/errors.ts";
import type { PhaseRecord } from "@belfry/contract/execution.ts";
import { sql } from "drizzle-orm";
import { check, integer, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";
import { instant, json } from "./columns.ts";

/** The tries that came before an execution's last one. Written in the statement that makes the next try possible. */
export const attempts = pgTable(
  "attempts",
  {
    executionId: uuid("execution_id").notNull(),
    attempt: integer("attempt").notNull(),
    outcome: text("outcome").$type<"failed" | "lost">().notNull(),
    worker: text("worker").notNull(),
    startedAt: instant("started_at").notNull(),
    endedAt: instant("ended_at").notNull(),
    error: json<ExecutionError>("error").notNull(),
    check: json<PhaseRecord>("check_phase"),
    perform: json<PhaseRecord>("perform_phase"),
    rollback: json<PhaseRecord>("rollback_phase"),
  },
  (t) => [
    primaryKey({ name: "attempts_pkey", columns: [t.executionId, t.attempt] }),
    check("attempts_outcome", sql`${t.outcome} in ('failed', 'lost')`),
  ],
);
