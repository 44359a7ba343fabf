import type { JsonObject } from "@belfry/contract/json.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { isUuid } from "./functions.ts";

/** The JSON schema that a function's module has for payloads; null if it has none, or there is no such function. */
export async function inputSchemaOf(db: Db, accountId: string, functionId: string): Promise<JsonObject | null> {
  if (!isUuid(functionId)) return null;
  const { rows } = await db.execute<{ schema: JsonObject | null }>(sql`
    select shared.input_schema as schema
    from functions f join functions shared on shared.account_id is null and shared.name = f.module
    where f.id = ${functionId} and (f.account_id = ${accountId} or f.account_id is null) and f.deleted_at is null`);
  return rows[0]?.schema ?? null;
}

/** What a job calls and with what, as it is now; null if the account has no such job. */
export async function inputOfJob(
  db: Db,
  accountId: string,
  jobId: string,
): Promise<{ functionId: string; payload: JsonObject } | null> {
  const { rows } = await db.execute<{ functionId: string; payload: JsonObject }>(sql`
    select function_id as "functionId", payload from jobs where id = ${jobId} and account_id = ${accountId}`);
  return rows[0] ?? null;
}
