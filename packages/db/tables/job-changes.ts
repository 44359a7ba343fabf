import type { JobChangeKind } from "@belfry/contract/states.ts";
import type { Schedule } from "@belfry/schedule/schedule.ts";
import { sql } from "drizzle-orm";
import { bigint, boolean, check, index, integer, pgTable, text, uuid } from "drizzle-orm/pg-core";
import { idV7, instant, json } from "./columns.ts";

/**
 * The change history: one row for each moment at which a job's plan begins or ends. From these rows alone follows
 * which occurrences were planned up to now. Only ever added to, in the transaction that makes the change.
 *
 * Each row that is `planned` begins a segment: the instants of its `scheduleSpec` from `first` on, up to
 * `servedUpTo` of the job's next row, both included. There are no others.
 */
export const jobChanges = pgTable(
  "job_changes",
  {
    id: idV7(),
    /** The order of one job's changes, all made under the lock on its row. Neither ids nor `at` keep it: clocks differ and jump. */
    seq: bigint("seq", { mode: "number" }).notNull().generatedAlwaysAsIdentity(),
    jobId: uuid("job_id").notNull(),
    accountId: uuid("account_id").notNull(),
    /** The "now" of the change. */
    at: instant("at").notNull(),
    kind: text("kind").$type<JobChangeKind>().notNull(),
    /** Whether there are occurrences from here on. */
    planned: boolean("planned").notNull(),
    /** The first of them. */
    first: instant("first"),
    scheduleSpec: json<Schedule>("schedule_spec").notNull(),
    rulesVersion: integer("rules_version").notNull(),
    /**
     * The ledger holds every instant of the plan before that is not later than this, and none that is: `at`, or just
     * before the next run that was still to come, or the last instant given out. Null where nothing was planned before.
     */
    servedUpTo: instant("served_up_to"),
  },
  (t) => [
    check(
      "job_changes_kind",
      sql`${t.kind} in ('created', 'edited', 'paused', 'resumed', 'disabled', 'deleted', 'revived', 'parked', 'exhausted', 'continued', 'completed')`,
    ),
    check("job_changes_first", sql`${t.planned} = (${t.first} is not null)`),
    index("job_changes_of_job").on(t.jobId, t.seq),
  ],
);
