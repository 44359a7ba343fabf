import type { Role } from "@belfry/contract/states.ts";
import { sql } from "drizzle-orm";
import { check, pgTable, text, uuid } from "drizzle-orm/pg-core";
import { accounts } from "./accounts.ts";
import { createdAt, idV7, instant } from "./columns.ts";

/** Only the SHA-256 of a key is kept: keys have at least 32 characters, so a slow hash would buy nothing. */
export const apiKeys = pgTable(
  "api_keys",
  {
    id: idV7(),
    accountId: uuid("account_id")
      .notNull()
      .references(() => accounts.id),
    name: text("name").notNull(),
    hash: text("hash").notNull().unique("api_keys_hash"),
    role: text("role").$type<Role>().notNull(),
    createdAt: createdAt(),
    revokedAt: instant("revoked_at"),
  },
  (t) => [check("api_keys_role", sql`${t.role} in ('member', 'admin')`)],
);
