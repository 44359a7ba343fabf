/** What the tests of the sandbox have in common: a pool of real processes, and calls as a worker makes them. */
import { randomUUID } from "node:crypto";
import type { Json, JsonObject } from "@belfry/contract/json.ts";
import { parseAllowList } from "./allow-list.ts";
import { createHttpClient, type HttpClient } from "./http-client.ts";
import { checkEvent, performEvent, type Run } from "./phase-event.ts";
import { type PhaseResult, runPhase } from "./run-phase.ts";
import { createSandboxPool, type SandboxPool } from "./sandbox-pool.ts";

export type Try = {
  phase?: "check" | "perform";
  payload?: Json;
  /** Laid beside ours in the event of perform. */
  event?: JsonObject;
  timeoutMs?: number;
  memoryMb?: number;
  cpuMs?: number;
  hosts?: string[];
  account?: string;
  signal?: AbortSignal;
};

export type SandboxKit = {
  pool: SandboxPool;
  client: HttpClient;
  /** Calls one phase of a source, perform unless told otherwise. */
  call: (source: string, options?: Try) => Promise<PhaseResult>;
  close: () => Promise<void>;
};

/** Its functions may call loopback, unless told otherwise. */
export function openSandboxKit({ allow = parseAllowList("127.0.0.1,localhost") } = {}): SandboxKit {
  const pool = createSandboxPool({ places: 2 });
  const client = createHttpClient({ allow });
  return {
    pool,
    client,
    call(
      source,
      {
        phase = "perform",
        payload = null,
        event = {},
        timeoutMs = 5_000,
        memoryMb = 32,
        cpuMs = 5_000,
        hosts = [],
        account = "a",
        signal,
      } = {},
    ) {
      const run: Run = {
        jobId: randomUUID(),
        executionId: randomUUID(),
        attempt: 1,
        scheduledFor: new Date("2026-11-20T09:00:00Z"),
        trigger: "manual",
        payload,
      };
      const limits = { memoryMb, cpuMs };
      return runPhase(
        {
          kind: "sandbox",
          pool,
          client,
          accountId: account,
          key: randomUUID(),
          loadCode: async () => source,
          hosts,
          limits,
        },
        {
          run,
          event: phase === "check" ? checkEvent(run) : performEvent(run, event),
          timeoutMs,
          signal: signal ?? new AbortController().signal,
        },
      );
    },
    async close() {
      await pool.close();
      await client.close();
    },
  };
}
