import type { SandboxLimits } from "@belfry/contract/sandbox.ts";
import type { ClaimedExecution } from "@belfry/db/executions.ts";
import { DEFAULT_LIMITS, type HttpLimits } from "@belfry/runners/exchange.ts";
import type { HttpTarget } from "@belfry/runners/http.ts";
import type { HttpClient } from "@belfry/runners/http-client.ts";
import type { PhaseTarget } from "@belfry/runners/run-phase.ts";
import type { SandboxPool } from "@belfry/runners/sandbox-pool.ts";
import type { SurveyedModule } from "@belfry/runners/survey.ts";
import type { CodeCache } from "./code-cache.ts";

/** What uploaded functions need besides. */
export type Sandbox = { pool: SandboxPool; code: CodeCache };

/** What of an execution says what is to be called. */
export type Callable = Pick<
  ClaimedExecution,
  "accountId" | "functionId" | "function" | "checkTimeoutMs" | "performTimeoutMs"
>;

/** What is to be called for an execution, and for how long each phase may take, in milliseconds. */
export type Target = {
  target: PhaseTarget | HostedTarget;
  hasCheck: boolean;
  checkTimeoutMs: number;
  performTimeoutMs: number;
};

/** A module, which runs in a host and not in this process. */
export type HostedTarget = { kind: "hosted"; module: SurveyedModule };

/** What both phases get that nobody gave a limit. */
export const DEFAULT_TIMEOUT_MS = 30_000;

/** The job's own limit comes first, then the function's record, then the module's. Null if this worker does not have the module. */
export function resolveTarget(
  { function: fn, ...job }: Callable,
  client: HttpClient,
  modules: ReadonlyMap<string, SurveyedModule>,
  secrets: NonNullable<HttpTarget["secrets"]>,
  sandbox: Sandbox,
): Target | null {
  const limits = (ofModule: number | null) => {
    const common = fn.timeoutMs ?? ofModule ?? DEFAULT_TIMEOUT_MS;
    return { checkTimeoutMs: job.checkTimeoutMs ?? common, performTimeoutMs: job.performTimeoutMs ?? common };
  };
  if (fn.kind === "http") {
    const http = { url: fn.url as string, headers: fn.headers ?? {}, limits: httpLimits(fn), secrets };
    return { target: { kind: "http", client, ...http }, hasCheck: fn.check, ...limits(null) };
  }
  if (fn.kind === "sandbox") {
    const target = sandboxTarget(job, fn, client, sandbox);
    return { target, hasCheck: fn.check, ...limits(null) };
  }
  const module = modules.get(fn.module as string);
  return module ? { target: { kind: "hosted", module }, hasCheck: module.check, ...limits(module.timeoutMs) } : null;
}

function httpLimits(fn: ClaimedExecution["function"]): HttpLimits {
  return {
    connectMs: fn.connectTimeoutMs ?? DEFAULT_LIMITS.connectMs,
    headersMs: fn.headersTimeoutMs ?? DEFAULT_LIMITS.headersMs,
    bodyMs: fn.bodyTimeoutMs ?? DEFAULT_LIMITS.bodyMs,
  };
}

function sandboxTarget(
  { accountId, functionId }: Pick<Callable, "accountId" | "functionId">,
  fn: Callable["function"],
  client: HttpClient,
  { pool, code }: Sandbox,
): PhaseTarget {
  const version = fn.version as number;
  const { memory_mb: memoryMb, cpu_ms: cpuMs } = fn.limits as SandboxLimits;
  return {
    kind: "sandbox",
    pool,
    client,
    accountId,
    key: `${functionId}:${version}`,
    loadCode: (signal) => code.load(functionId, version, signal),
    hosts: fn.hosts ?? [],
    limits: { memoryMb, cpuMs },
  };
}
