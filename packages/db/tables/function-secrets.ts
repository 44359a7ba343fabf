import { pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";
import { createdAt, instant } from "./columns.ts";
import { functions } from "./functions.ts";

/**
 * The secrets that calls of a function of kind http are signed with. Those without an end are the newest; the others are
 * valid until `expires_at`, so that receivers can change over. A function may have none: then it is not signed.
 */
export const functionSecrets = pgTable(
  "function_secrets",
  {
    functionId: uuid("function_id")
      .notNull()
      .references(() => functions.id),
    /** `whsec_` and base64, as Standard Webhooks writes it. */
    secret: text("secret").notNull(),
    createdAt: createdAt(),
    expiresAt: instant("expires_at"),
  },
  (t) => [primaryKey({ columns: [t.functionId, t.secret] })],
);
