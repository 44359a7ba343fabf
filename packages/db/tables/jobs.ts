import type { DstRule } from "@belfry/contract/dst.ts";
import type { RetryPolicy } from "@belfry/contract/job.ts";
import type { Json } from "@belfry/contract/json.ts";
import type { MisfirePolicy, OverlapPolicy } from "@belfry/contract/policies.ts";
import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";
import type { Delivery, JobStatus, Priority } from "@belfry/contract/states.ts";
import type { Schedule } from "@belfry/schedule/schedule.ts";
import { sql } from "drizzle-orm";
import { boolean, check, index, integer, pgTable, text, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { accounts } from "./accounts.ts";
import { createdAt, idV7, instant, json, updatedAt } from "./columns.ts";
import { functions } from "./functions.ts";

/** A wish: function, payload, schedule and policies. */
export const jobs = pgTable(
  "jobs",
  {
    id: idV7(),
    accountId: uuid("account_id")
      .notNull()
      .references(() => accounts.id),
    functionId: uuid("function_id")
      .notNull()
      .references(() => functions.id),
    name: text("name").notNull(),
    description: text("description").notNull(),
    project: text("project"),
    /** As the client wrote it. */
    schedule: json<ScheduleInput>("schedule").notNull(),
    /** What it means, under the rules of `rulesVersion`. */
    scheduleSpec: json<Schedule>("schedule_spec").notNull(),
    rulesVersion: integer("rules_version").notNull(),
    timezone: text("timezone").notNull(),
    /** What the schedule does where clocks are changed; null for the rule of its kind. */
    dst: json<DstRule>("dst"),
    /** The names of the account's calendars that the schedule refers to. */
    calendars: text("calendars").array().notNull().default(sql`'{}'`),
    payload: json<Json>("payload").notNull(),
    priority: text("priority").$type<Priority>().notNull(),
    pool: text("pool").notNull(),
    /** 0 is no limit. */
    maxRuns: integer("max_runs").notNull(),
    /** The job's executions that are not `skipped`. Written in the transaction that makes or skips one. */
    runCount: integer("run_count").notNull().default(0),
    timeoutMs: integer("timeout_ms"),
    checkTimeoutMs: integer("check_timeout_ms"),
    performTimeoutMs: integer("perform_timeout_ms"),
    misfire: json<MisfirePolicy>("misfire").notNull(),
    overlap: json<OverlapPolicy>("overlap").notNull(),
    /** So many executions in a row that have failed pause the job; 0 is never. */
    autoPauseAfter: integer("auto_pause_after").notNull(),
    retry: json<RetryPolicy>("retry").notNull(),
    delivery: text("delivery").$type<Delivery>().notNull(),
    status: text("status").$type<JobStatus>().notNull().default("active"),
    enabled: boolean("enabled").notNull(),
    /** Why Belfry itself has paused the job; null if it has not. */
    pausedReason: text("paused_reason"),
    /** Since when the schedule is as it is and the job active: occurrences before it are none of this plan's. */
    plannedFrom: instant("planned_from").notNull(),
    /** The first occurrence that is not in the ledger yet; null while there is none to come. */
    nextRun: instant("next_run"),
    idempotencyKey: text("idempotency_key"),
    idempotencyFingerprint: text("idempotency_fingerprint"),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    deletedAt: instant("deleted_at"),
  },
  (t) => [
    check("jobs_status", sql`${t.status} in ('active', 'paused', 'completed')`),
    check("jobs_priority", sql`${t.priority} in ('critical', 'high', 'medium', 'low', 'background')`),
    check("jobs_delivery", sql`${t.delivery} in ('at_least_once', 'at_most_once')`),
    check("jobs_max_runs", sql`${t.runCount} >= 0 and (${t.maxRuns} = 0 or ${t.runCount} <= ${t.maxRuns})`),
    check("jobs_next_run", sql`${t.nextRun} is null or (${t.status} = 'active' and ${t.enabled})`),
    uniqueIndex("jobs_name").on(t.accountId, sql`coalesce(project, '')`, t.name),
    uniqueIndex("jobs_idempotency_key").on(t.accountId, t.idempotencyKey).where(sql`idempotency_key is not null`),
    index("jobs_due").on(t.nextRun).where(sql`next_run is not null`),
    index("jobs_settling").on(t.id).where(sql`status = 'active' and enabled and next_run is null`),
    index("jobs_newest").on(t.accountId, t.id.desc()),
    index("jobs_function").on(t.functionId),
    // Not one of names: many accounts have a calendar of the same name, and few jobs refer to any.
    index("jobs_with_calendars").on(t.accountId).where(sql`calendars <> '{}'`),
  ],
);
