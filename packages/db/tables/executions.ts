import type { ExecutionError } from "@belfry/contract/errors.ts";
import type { PhaseRecord, Progress } from "@belfry/contract/execution.ts";
import type { ExecutionStatus, SkipReason, Trigger } from "@belfry/contract/states.ts";
import { sql } from "drizzle-orm";
import { boolean, check, doublePrecision, index, integer, pgTable, text, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { createdAt, instant, json } from "./columns.ts";

/**
 * The ledger: one row for each occurrence and each manual run, and what became of it.
 *
 * Partitioned by ranges of `id`, which are ranges of time: see partitions.ts. A unique index over a partitioned table
 * would have to have `id` in it, so the two below are on each partition by itself. Since an id carries the instant of
 * its occurrence, one occurrence can be in one partition only.
 *
 * No foreign keys: rows are only ever inserted under a lock on their job's row, whose own keys hold, and jobs are
 * never deleted. Three key look-ups and row locks an insert would be the dearest part of it.
 */
export const executions = pgTable(
  "executions",
  {
    /** A UUIDv7 of `scheduledFor`, not of the moment of writing: ids are in the order of the occurrences. See execution-id.ts. */
    id: uuid("id").primaryKey(),
    accountId: uuid("account_id").notNull(),
    jobId: uuid("job_id").notNull(),
    functionId: uuid("function_id").notNull(),
    /** Of an uploaded function: the version that was claimed last. */
    functionVersion: integer("function_version"),
    trigger: text("trigger").$type<Trigger>().notNull(),
    scheduledFor: instant("scheduled_for").notNull(),
    /** More than 1 for a row that stands for a range of misfires, from `scheduledFor` to `scheduledUntil`. */
    occurrences: integer("occurrences").notNull().default(1),
    scheduledUntil: instant("scheduled_until").notNull(),
    status: text("status").$type<ExecutionStatus>().notNull(),
    skipReason: text("skip_reason").$type<SkipReason>(),
    attempt: integer("attempt").notNull().default(1),
    /** When this attempt may start. */
    availableAt: instant("available_at").notNull().default(sql`date_trunc('milliseconds', now())`),
    /** Waits for its turn: a pending row that is not published and cannot be claimed while others of its job are open. */
    held: boolean("held").notNull().default(false),
    /** When a pending row is to be put on the queue, or put there again should no worker have claimed it by then. */
    publishAt: instant("publish_at").notNull().default(sql`date_trunc('milliseconds', now())`),
    /** How often this attempt was put on the queue: part of the message's id, since BullMQ ignores an id that it still keeps. */
    dispatch: integer("dispatch").notNull().default(0),
    /**
     * Of a pending row: the gate that it waits at, or has waited at and been let go from. While it waits, `publishAt` is
     * `PARKED_UNTIL`. Of others it says nothing.
     */
    gate: uuid("gate"),
    worker: text("worker"),
    cancelRequestedAt: instant("cancel_requested_at"),
    /** Of a manual run: a call with the same key gives this run again. */
    idempotencyKey: text("idempotency_key"),
    createdAt: createdAt(),
    startedAt: instant("started_at"),
    completedAt: instant("completed_at"),
    durationMs: doublePrecision("duration_ms"),
    error: json<ExecutionError>("error"),
    check: json<PhaseRecord>("check_phase"),
    perform: json<PhaseRecord>("perform_phase"),
    rollback: json<PhaseRecord>("rollback_phase"),
    progress: json<Progress>("progress"),
  },
  (t) => [
    // The first 48 bits of a UUIDv7 are its milliseconds. None is of a time before 1970.
    check(
      "executions_id",
      sql`('x' || translate(left(${t.id}::text, 13), '-', ''))::bit(48)::bigint = greatest(0, extract(epoch from ${t.scheduledFor}) * 1000)::bigint`,
    ),
    check("executions_trigger", sql`${t.trigger} in ('schedule', 'manual')`),
    check("executions_status", sql`${t.status} in ('pending', 'running', 'success', 'failed', 'cancelled', 'skipped')`),
    check("executions_held", sql`not ${t.held} or ${t.status} = 'pending'`),
    check("executions_range", sql`${t.occurrences} = 1 or ${t.skipReason} = 'misfire'`),
    check("executions_skip_reason", sql`(${t.status} = 'skipped') = (${t.skipReason} is not null)`),
    check("executions_completed", sql`(${t.status} in ('pending', 'running')) = (${t.completedAt} is null)`),
    // One row per occurrence. Also the order in which a job's executions are listed.
    uniqueIndex("executions_occurrence").on(t.jobId, t.scheduledFor, t.trigger),
    uniqueIndex("executions_idempotency_key").on(t.jobId, t.idempotencyKey).where(sql`idempotency_key is not null`),
    index("executions_newest").on(t.accountId, t.id.desc()),
    index("executions_failed").on(t.accountId, t.id.desc()).where(sql`status = 'failed'`),
    index("executions_to_publish").on(t.publishAt).where(sql`status = 'pending' and not held`),
    index("executions_waiting").on(t.jobId).where(sql`status = 'pending' and held`),
    // Those that were let go first, then those that wait, in the order of their occurrences.
    index("executions_at_gate").on(t.gate, t.publishAt, t.id).where(sql`status = 'pending' and gate is not null`),
    // By the second column the longest waiting one of a job is found, however many there are.
    index("executions_open").on(t.jobId, t.availableAt).where(sql`status in ('pending', 'running')`),
    index("executions_running").on(t.worker).where(sql`status = 'running'`),
    // A partition is kept for as long as one of its ranges reaches into what is kept.
    index("executions_ranges").on(t.scheduledUntil).where(sql`occurrences > 1`),
  ],
);
