import { pgTable, text } from "drizzle-orm/pg-core";
import { createdAt } from "./columns.ts";

/** Keys that all processes of a cluster share and nobody outside knows, made by whoever needs one first. */
export const clusterSecrets = pgTable("cluster_secrets", {
  name: text("name").primaryKey(),
  /** Base64url. */
  secret: text("secret").notNull(),
  createdAt: createdAt(),
});
