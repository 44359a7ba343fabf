import type { JsonObject } from "@belfry/contract/json.ts";
import type { RateLimit } from "@belfry/contract/limits.ts";
import type { SandboxLimits } from "@belfry/contract/sandbox.ts";
import type { BreakerState, FunctionKind } from "@belfry/contract/states.ts";
import { sql } from "drizzle-orm";
import { boolean, check, index, integer, pgTable, text, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { accounts } from "./accounts.ts";
import { createdAt, idV7, instant, json, updatedAt } from "./columns.ts";

/**
 * What a job calls. Rows without an account are the modules that the workers brought along: each worker registers
 * what it loaded, and every account may use them.
 */
export const functions = pgTable(
  "functions",
  {
    id: idV7(),
    accountId: uuid("account_id").references(() => accounts.id),
    name: text("name").notNull(),
    description: text("description").notNull().default(""),
    kind: text("kind").$type<FunctionKind>().notNull(),
    url: text("url"),
    headers: json<Record<string, string>>("headers"),
    module: text("module"),
    /** Of a shared module: the file that defines it, by which a worker that cannot use the file any more is understood. */
    moduleFile: text("module_file"),
    /** Of a shared module whose input has one: the JSON schema (draft 2020-12) of a job's payload. */
    inputSchema: json<JsonObject>("input_schema"),
    /** Whether there is a check phase. */
    check: boolean("has_check").notNull().default(true),
    timeoutMs: integer("timeout_ms"),
    /** Of an uploaded function: which of its versions runs. */
    version: integer("version"),
    /** Of an uploaded function: where its fetch may go. */
    hosts: json<string[]>("hosts"),
    limits: json<SandboxLimits>("limits"),
    /** The circuit breaker's settings: after how many failures in a row it opens (0 is never), and for how long at first. */
    breakerFailures: integer("breaker_failures").notNull().default(5),
    breakerOpenSeconds: integer("breaker_open_seconds").notNull().default(10),
    /** The circuit breaker itself. In the function's own row, since every claim reads that anyway. */
    breakerState: text("breaker_state").$type<BreakerState>().notNull().default("closed"),
    /** Failures in a row, as far as they were noticed. */
    breakerFailed: integer("breaker_failed").notNull().default(0),
    /** How often it has opened since it was last closed: each time for twice as long. */
    breakerOpened: integer("breaker_opened").notNull().default(0),
    breakerOpenedAt: instant("breaker_opened_at"),
    /** From when on one execution may try whether the function has recovered. */
    breakerRetryAt: instant("breaker_retry_at"),
    /** When it was last closed after it had been open. */
    breakerClosedAt: instant("breaker_closed_at"),
    /** Which execution tries, at which attempt. It may try as long as that is running. */
    breakerProbe: uuid("breaker_probe"),
    breakerProbeAttempt: integer("breaker_probe_attempt"),
    /** Attempts at once, and starts in a time; null is no limit. See gates.ts. */
    maxConcurrency: integer("max_concurrency"),
    rateLimit: json<RateLimit>("rate_limit"),
    /** Of kind http, of the steps of a call; null is the default. */
    connectTimeoutMs: integer("connect_timeout_ms"),
    headersTimeoutMs: integer("headers_timeout_ms"),
    bodyTimeoutMs: integer("body_timeout_ms"),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    deletedAt: instant("deleted_at"),
  },
  (t) => [
    check("functions_kind", sql`${t.kind} in ('http', 'module', 'sandbox')`),
    check(
      "functions_target",
      sql`case ${t.kind} when 'http' then ${t.url} is not null when 'module' then ${t.module} is not null
        else ${t.version} is not null and ${t.hosts} is not null and ${t.limits} is not null end`,
    ),
    check("functions_breaker", sql`${t.breakerState} in ('closed', 'open', 'half_open')`),
    check("functions_breaker_probe", sql`(${t.breakerState} = 'half_open') = (${t.breakerProbe} is not null)`),
    uniqueIndex("functions_name").on(t.accountId, t.name).where(sql`deleted_at is null`),
    uniqueIndex("functions_shared_name").on(t.name).where(sql`account_id is null`),
    index("functions_newest").on(t.accountId, t.id.desc()),
  ],
);
