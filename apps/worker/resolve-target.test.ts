import type { ClaimedExecution } from "@belfry/db/executions.ts";
import { createHttpClient } from "@belfry/runners/http-client.ts";
import { createSandboxPool } from "@belfry/runners/sandbox-pool.ts";
import type { SurveyedModule } from "@belfry/runners/survey.ts";
import { afterAll, describe, expect, it } from "vitest";
import { DEFAULT_TIMEOUT_MS, resolveTarget } from "./resolve-target.ts";

const client = createHttpClient();
const pool = createSandboxPool({ places: 1 });
const sandbox = { pool, code: { load: async () => "" } };
afterAll(async () => {
  await pool.close();
  await client.close();
});

type Limits = { check?: number; perform?: number; record?: number; module?: number };

function claimed({ check, perform, record }: Limits, fn: Partial<ClaimedExecution["function"]>): ClaimedExecution {
  return {
    executionId: crypto.randomUUID(),
    attempt: 1,
    jobId: crypto.randomUUID(),
    jobName: "job",
    accountId: crypto.randomUUID(),
    functionId: crypto.randomUUID(),
    trigger: "schedule",
    scheduledFor: 0,
    payload: null,
    retry: { attempts: 1, backoff_ms: 0, max_backoff_ms: 0, jitter: 0 },
    delivery: "at_least_once",
    timeoutMs: null,
    checkTimeoutMs: check ?? null,
    performTimeoutMs: perform ?? null,
    othersMayWait: false,
    function: {
      kind: "http",
      url: "http://127.0.0.1:9/",
      headers: null,
      module: null,
      check: true,
      timeoutMs: record ?? null,
      version: null,
      hosts: null,
      limits: null,
      breaker: null,
      connectTimeoutMs: null,
      headersTimeoutMs: null,
      bodyTimeoutMs: null,
      secrets: null,
      ...fn,
    },
  };
}

const none = () => [];
const http = (limits: Limits, fn: Partial<ClaimedExecution["function"]> = {}) =>
  resolveTarget(claimed(limits, fn), client, new Map(), none, sandbox);

function module(limits: Limits, definition: { check?: boolean } = {}) {
  const greet: SurveyedModule = {
    ...{ name: "greet", description: "", enabled: true, rollback: false, teardown: false, inputSchema: null },
    ...{ file: "greet.ts", path: "/functions/greet.ts", code: { links: [], files: {} }, outdated: false },
    check: definition.check ?? false,
    timeoutMs: limits.module ?? null,
  };
  const fn = { kind: "module", url: null, module: "greet" } as const;
  return resolveTarget(claimed(limits, fn), client, new Map([["greet", greet]]), none, sandbox);
}

const limitsOf = (target: ReturnType<typeof resolveTarget>) => [target?.checkTimeoutMs, target?.performTimeoutMs];

describe("a phase's limit", () => {
  it.each<[Limits, [number, number]]>([
    [{}, [DEFAULT_TIMEOUT_MS, DEFAULT_TIMEOUT_MS]],
    [{ module: 4 }, [4, 4]],
    [{ record: 3, module: 4 }, [3, 3]],
    [{ check: 1, record: 3, module: 4 }, [1, 3]],
    [{ perform: 2, module: 4 }, [4, 2]],
    [{ check: 1, perform: 2, record: 3, module: 4 }, [1, 2]],
  ])("of %j is the job's, then the record's, then the module's", (limits, expected) => {
    expect(limitsOf(module(limits))).toEqual(expected);
  });

  it("of a function behind HTTP is the job's, then the record's", () => {
    expect(limitsOf(http({}))).toEqual([DEFAULT_TIMEOUT_MS, DEFAULT_TIMEOUT_MS]);
    expect(limitsOf(http({ check: 1, record: 3 }))).toEqual([1, 3]);
  });
});

describe("the limits of a call's steps", () => {
  it("are the record's, and by default 10 s for connecting and none for the others", () => {
    const record = { connectTimeoutMs: 5, headersTimeoutMs: 6, bodyTimeoutMs: 7 };
    expect(http({}, record)?.target).toMatchObject({ limits: { connectMs: 5, headersMs: 6, bodyMs: 7 } });
    expect(http({})?.target).toMatchObject({ limits: { connectMs: 10_000, headersMs: null, bodyMs: null } });
  });
});

describe("what is called", () => {
  it("is the URL with the headers, and has a check if the record says so", () => {
    expect(http({}, { headers: { "x-a": "1" } })).toMatchObject({
      hasCheck: true,
      target: { kind: "http", url: "http://127.0.0.1:9/", headers: { "x-a": "1" } },
    });
    expect(http({}, { check: false })).toMatchObject({ hasCheck: false, target: { headers: {} } });
  });

  it("is the module that this worker has loaded, whose check is the one that counts", () => {
    expect(module({}, { check: true })).toMatchObject({
      hasCheck: true,
      target: { kind: "hosted", module: { name: "greet" } },
    });
    expect(module({}, { check: false })).toMatchObject({ hasCheck: false });
  });

  it("is nothing when this worker does not have the module", () => {
    expect(http({}, { kind: "module", url: null, module: "elsewhere" })).toBeNull();
  });
});
