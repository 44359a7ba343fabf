import { sql } from "drizzle-orm";
import { boolean, check, integer, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";
import { createdAt } from "./columns.ts";
import { functions } from "./functions.ts";

/** What was uploaded of a function, once and for all: a version is never changed, and none is deleted. */
export const functionVersions = pgTable(
  "function_versions",
  {
    functionId: uuid("function_id")
      .notNull()
      .references(() => functions.id),
    /** From 1. */
    version: integer("version").notNull(),
    source: text("source").notNull(),
    language: text("language").$type<"javascript" | "typescript">().notNull(),
    /** What is run: the source without its types. */
    code: text("code").notNull(),
    /** Whether there is a check phase. */
    check: boolean("has_check").notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: "function_versions_pkey", columns: [t.functionId, t.version] }),
    check("function_versions_language", sql`${t.language} in ('javascript', 'typescript')`),
  ],
);
