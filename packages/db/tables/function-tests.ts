import type { FunctionTest, TestFunctionBody } from "@belfry/contract/sandbox.ts";
import { sql } from "drizzle-orm";
import { index, pgTable, text, uuid } from "drizzle-orm/pg-core";
import { createdAt, idV7, instant, json } from "./columns.ts";

/** Tests of functions on their way to a worker and back. A row lives as long as somebody waits for it, minutes at most. */
export const functionTests = pgTable(
  "function_tests",
  {
    id: idV7(),
    accountId: uuid("account_id").notNull(),
    functionId: uuid("function_id").notNull(),
    pool: text("pool").notNull(),
    request: json<TestFunctionBody>("request").notNull(),
    worker: text("worker"),
    answer: json<FunctionTest>("answer"),
    createdAt: createdAt(),
    /** Nobody waits for it any more. */
    expiresAt: instant("expires_at").notNull(),
  },
  (t) => [index("function_tests_waiting").on(t.pool, t.id).where(sql`worker is null`)],
);
