import type { ExecutionErrorCode } from "@belfry/contract/errors.ts";
import type { PhaseRecord } from "@belfry/contract/execution.ts";
import { expect, it } from "vitest";
import { signOf } from "./breaker-sign.ts";

const record = (output: PhaseRecord["output"]): PhaseRecord => ({
  input: null,
  output,
  logs: [],
  error: null,
  started_at: "2026-01-31T09:00:00.000Z",
  duration_ms: 1,
});
const failed = (code: ExecutionErrorCode, { retryable = true, status = 0 } = {}) => ({
  end: "failed" as const,
  error: { code, message: "" },
  retryable,
  check: record({ shouldPerform: true }),
  perform: record({ status, body: "" }),
});

it.each([500, 502, 503, 599, 429])("a server that answers %d fails", (status) => {
  expect(signOf(failed("HTTP_STATUS", { status }))).toBe("fails");
});

it.each([400, 401, 404, 408, 422, 425, 302])("a server that answers %d is there", (status) => {
  expect(signOf(failed("HTTP_STATUS", { status, retryable: false }))).toBe("answers");
});

it.each<[ExecutionErrorCode, boolean, string]>([
  ["HTTP_FAILED", true, "fails"], // refused, reset, unknown host
  ["HTTP_FAILED", false, "answers"], // not JSON, too large
  ["TIMEOUT", true, "fails"],
  ["CHECK_INVALID", false, "answers"],
  ["FUNCTION_ERROR", true, "answers"], // an asynchronous answer that is an error
  ["CANCELLED", false, "nothing"],
  ["TARGET_BLOCKED", false, "nothing"],
  ["WORKER_STOPPED", true, "nothing"],
  ["WORKER_LOST", true, "nothing"],
])("%s, retryable %s: %s", (code, retryable, sign) => {
  expect(signOf(failed(code, { retryable }))).toBe(sign);
});

it("of a check that failed the check's own answer counts", () => {
  expect(signOf({ ...failed("HTTP_STATUS"), check: record({ status: 503, body: "" }), perform: null })).toBe("fails");
});

it("an attempt that came to a good end says that it answers, one that declined as well", () => {
  for (const end of ["success", "declined", "stopped"] as const)
    expect(signOf({ end, check: null, perform: null })).toBe("answers");
});
