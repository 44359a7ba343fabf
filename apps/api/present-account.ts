import type { AccountRow } from "@belfry/db/accounts.ts";
import type { AccountAnswer } from "./answers.ts";

/** An account's row as the API answers it. */
export function presentAccount(row: AccountRow): AccountAnswer {
  return {
    id: row.id,
    name: row.name,
    max_concurrency: row.maxConcurrency,
    rate_limit: row.rateLimit,
    created_at: row.createdAt.toISOString(),
  };
}
