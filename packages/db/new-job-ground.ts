import type { CreateJobBody } from "@belfry/contract/job.ts";
import type { JsonObject } from "@belfry/contract/json.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { isUuid } from "./functions.ts";
import { type Served, servedBy } from "./served-by.ts";
import { statement } from "./statement.ts";
import type { PlannedBy } from "./write-jobs.ts";

/** All that has to be known for one job to be created and answered. */
export type Ground = PlannedBy &
  Served & {
    /** Of the function; empty for one of kind http. */
    module: string;
    /** The JSON schema that the function's module has for payloads; null if it has none. */
    inputSchema: JsonObject | null;
  };

type Row = Served & { now: number; id: string | null; module: string; inputSchema: JsonObject | null };

const lookUp = statement<Row, { accountId: string; functionId: string | null; pool: string }>(sql`
  select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as now, f.id, coalesce(f.module, '') as module,
    shared.input_schema as "inputSchema", served.*
  from (select) as always
  left join functions f on f.id = ${sql.placeholder("functionId")}::uuid and f.deleted_at is null
    and (f.account_id = ${sql.placeholder("accountId")} or f.account_id is null)
  left join functions shared on shared.account_id is null and shared.name = f.module
  cross join lateral (${servedBy(sql`${sql.placeholder("pool")}`, sql`coalesce(f.module, '')`)}) served`);

/** In one look, since each costs as much as writing the job. */
export async function readGround(
  db: Db,
  accountId: string,
  { function_id: functionId, pool }: Pick<CreateJobBody, "function_id" | "pool">,
): Promise<Ground> {
  const [row] = await lookUp(db, { accountId, functionId: isUuid(functionId) ? functionId : null, pool });
  const { id, ...ground } = row as Row;
  return { ...ground, usable: new Set(id === null ? [] : [functionId]) };
}
