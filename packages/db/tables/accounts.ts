import type { RateLimit } from "@belfry/contract/limits.ts";
import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { createdAt, idV7, json } from "./columns.ts";

/** A tenant. Everything that a client can see belongs to one, and nothing crosses. */
export const accounts = pgTable("accounts", {
  id: idV7(),
  name: text("name").notNull(),
  /** Of all its functions together, as those of a function. See gates.ts. */
  maxConcurrency: integer("max_concurrency"),
  rateLimit: json<RateLimit>("rate_limit"),
  createdAt: createdAt(),
});
