import type { CreateJobBody } from "@belfry/contract/job.ts";
import type { JsonObject } from "@belfry/contract/json.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { isUuid } from "./functions.ts";
import { type Served, servedBy } from "./served-by.ts";
import { statement } from "./statement.ts";

/** All that has to be known for a job to be created and answered. */
export type Ground = Served & {
  /** The database's clock, in milliseconds. */
  now: number;
  /** Whether there is such a function for the account. */
  isUsable: boolean;
  /** Of the function; empty for one of kind http. */
  module: string;
  /** The JSON schema that the function's module has for payloads; null if it has none. */
  inputSchema: JsonObject | null;
};

type Body = Pick<CreateJobBody, "function_id" | "pool">;

const lookUp = statement<Ground, { accountId: string; functionIds: (string | null)[]; pools: string[] }>(sql`
  select floor(extract(epoch from statement_timestamp()) * 1000)::float8 as now, f.id is not null as "isUsable",
    coalesce(f.module, '') as module, shared.input_schema as "inputSchema", served.*
  from unnest(${sql.placeholder("functionIds")}::uuid[], ${sql.placeholder("pools")}::text[])
    with ordinality as asked(function_id, pool, place)
  left join functions f on f.id = asked.function_id and f.deleted_at is null
    and (f.account_id = ${sql.placeholder("accountId")} or f.account_id is null)
  left join functions shared on shared.account_id is null and shared.name = f.module
  cross join lateral (${servedBy(sql`asked.pool`, sql`coalesce(f.module, '')`)}) served
  order by asked.place`);

/** For each body, all in one look, since that costs as much as writing a job. Of many alike one is looked up. */
export async function readGrounds(db: Db, accountId: string, bodies: readonly Body[]): Promise<Ground[]> {
  const distinct = new Map(bodies.map((body) => [keyOf(body), body]));
  const asked = [...distinct.values()];
  const grounds = await lookUp(db, {
    accountId,
    functionIds: asked.map(({ function_id: id }) => (isUuid(id) ? id : null)),
    pools: asked.map(({ pool }) => pool),
  });
  const byKey = new Map([...distinct.keys()].map((key, i) => [key, grounds[i]]));
  return bodies.map((body) => byKey.get(keyOf(body)) as Ground);
}

const keyOf = ({ function_id, pool }: Body): string => `${pool} ${function_id}`;
