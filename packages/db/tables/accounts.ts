import { pgTable, text } from "drizzle-orm/pg-core";
import { createdAt, idV7 } from "./columns.ts";

/** A tenant. Everything that a client can see belongs to one, and nothing crosses. */
export const accounts = pgTable("accounts", {
  id: idV7(),
  name: text("name").notNull(),
  createdAt: createdAt(),
});
