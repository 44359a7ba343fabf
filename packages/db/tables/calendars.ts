import { date, index, integer, pgTable, text, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { accounts } from "./accounts.ts";
import { createdAt, idV7, updatedAt } from "./columns.ts";

/**
 * A named set of civil dates that an account's schedules share, such as its holidays. What a schedule has of it is a
 * copy, in its job's `schedule_spec`: a job is planned without looking here, and planned anew when the dates change.
 */
export const calendars = pgTable(
  "calendars",
  {
    id: idV7(),
    accountId: uuid("account_id")
      .notNull()
      .references(() => accounts.id),
    name: text("name").notNull(),
    description: text("description").notNull(),
    /** Ascending, each once. */
    dates: date("dates", { mode: "string" }).array().notNull(),
    /** One more with each change of the dates. */
    version: integer("version").notNull().default(1),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    uniqueIndex("calendars_name").on(t.accountId, t.name),
    index("calendars_newest").on(t.accountId, t.id.desc()),
  ],
);
