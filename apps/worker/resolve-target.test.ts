import type { ClaimedExecution } from "@belfry/db/executions.ts";
import { type DefinedFunction, defineFunction } from "@belfry/functions/define-function.ts";
import { createHttpClient } from "@belfry/runners/http.ts";
import { afterAll, describe, expect, it } from "vitest";
import { DEFAULT_TIMEOUT_MS, resolveTarget } from "./resolve-target.ts";

const client = createHttpClient();
afterAll(() => client.close());

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
      breaker: null,
      ...fn,
    },
  };
}

const http = (limits: Limits, fn: Partial<ClaimedExecution["function"]> = {}) =>
  resolveTarget(claimed(limits, fn), client, new Map());

function module(limits: Limits, definition: { check?: boolean } = {}) {
  const defined: DefinedFunction = defineFunction({
    name: "greet",
    ...(definition.check && { check: () => ({ shouldPerform: true }) }),
    ...(limits.module !== undefined && { timeoutMs: limits.module }),
    perform: () => null,
  });
  const fn = { kind: "module", url: null, module: "greet" } as const;
  return resolveTarget(claimed(limits, fn), client, new Map([["greet", defined]]));
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
      target: { kind: "module", module: { name: "greet" } },
    });
    expect(module({}, { check: false })).toMatchObject({ hasCheck: false });
  });

  it("is nothing when this worker does not have the module", () => {
    expect(http({}, { kind: "module", url: null, module: "elsewhere" })).toBeNull();
  });
});
