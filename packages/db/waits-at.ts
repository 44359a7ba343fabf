/** What a pending execution waits for at a gate, for those who ask why it has not started. */
import type { Limits } from "@belfry/contract/limits.ts";
import { type SQL, sql } from "drizzle-orm";
import { PARKED_UNTIL } from "./gates.ts";

/** The limits that hold an execution back, and whose they are. */
export type HoldingBack = Limits & { kind: "function" | "account" };

/** A column that is null unless the execution `e` waits at a gate. */
export const holdingBack: SQL = sql`case when e.status = 'pending' and e.publish_at = ${PARKED_UNTIL} then (
  select json_build_object('kind', g.kind,
    'maxConcurrency', coalesce(f.max_concurrency, a.max_concurrency), 'rateLimit', coalesce(f.rate_limit, a.rate_limit))
  from gates g left join functions f on f.id = g.id left join accounts a on a.id = g.id
  where g.id = e.gate) end`;

/** As people say it: `the function's limit of 5 at once`. */
export function nameLimits({ kind, maxConcurrency, rateLimit }: HoldingBack): string {
  const limits = [
    ...(maxConcurrency === null ? [] : [`${maxConcurrency} at once`]),
    ...(rateLimit === null ? [] : [`${rateLimit.starts} starts in ${rateLimit.per_seconds} s`]),
  ];
  // Taken away a moment ago.
  if (limits.length === 0) return `the ${kind}'s former limit`;
  return `the ${kind}'s ${limits.length === 1 ? "limit" : "limits"} of ${limits.join(" and ")}`;
}
