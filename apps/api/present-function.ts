import type { FunctionRow } from "@belfry/db/functions.ts";
import type { FunctionAnswer } from "./answers.ts";

/** A function's row as the API answers it. */
export function presentFunction(row: FunctionRow): FunctionAnswer {
  return {
    id: row.id,
    account_id: row.accountId,
    name: row.name,
    description: row.description,
    kind: row.kind,
    url: row.url,
    headers: row.headers,
    module: row.module,
    check: row.check,
    timeout_ms: row.timeoutMs,
    version: row.version,
    hosts: row.hosts,
    limits: row.limits,
    breaker: row.kind === "http" ? presentBreaker(row) : null,
    max_concurrency: row.maxConcurrency,
    rate_limit: row.rateLimit,
    connect_timeout_ms: row.connectTimeoutMs,
    headers_timeout_ms: row.headersTimeoutMs,
    body_timeout_ms: row.bodyTimeoutMs,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}

function presentBreaker(row: FunctionRow): FunctionAnswer["breaker"] {
  return {
    state: row.breakerState,
    failures: row.breakerFailed,
    opened_at: row.breakerOpenedAt?.toISOString() ?? null,
    retry_at: row.breakerRetryAt?.toISOString() ?? null,
    settings: { failures: row.breakerFailures, open_seconds: row.breakerOpenSeconds },
  };
}
