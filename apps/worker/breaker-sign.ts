import type { ExecutionError } from "@belfry/contract/errors.ts";
import type { PhaseRecord } from "@belfry/contract/execution.ts";
import type { Sign } from "./breakers.ts";

type Attempt = { check: PhaseRecord | null; perform: PhaseRecord | null } & (
  | { end: "success" | "declined" | "stopped" | "disabled" | "lost" }
  | { end: "failed"; error: ExecutionError; retryable: boolean }
);

/**
 * What an attempt says of the server behind its function. One that refuses what it was asked (4xx), or answers what is
 * no answer, is there and works; one that is too busy (429) is to be left alone.
 */
export function signOf(attempt: Attempt): Sign {
  if (attempt.end === "lost") return "nothing";
  if (attempt.end !== "failed") return "answers";
  switch (attempt.error.code) {
    case "TIMEOUT":
      return "fails";
    case "HTTP_FAILED":
      return attempt.retryable ? "fails" : "answers";
    case "HTTP_STATUS":
      return isFailing(statusOf(attempt.perform ?? attempt.check)) ? "fails" : "answers";
    case "CHECK_INVALID":
    case "FUNCTION_ERROR":
      return "answers";
    default:
      return "nothing";
  }
}

const isFailing = (status: number): boolean => status >= 500 || status === 429;

function statusOf(record: PhaseRecord | null): number {
  const output = record?.output;
  const status = typeof output === "object" && output !== null && "status" in output ? output.status : 0;
  return typeof status === "number" ? status : 0;
}
