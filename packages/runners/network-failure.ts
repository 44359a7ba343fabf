import { describeThrown } from "./describe-thrown.ts";
import { TargetBlocked } from "./guarded-connect.ts";
import { PhaseFailure } from "./phase-failure.ts";

/** A URL or a header that cannot be sent will not be sendable later. */
const UNSENDABLE = new Set<unknown>(["UND_ERR_INVALID_ARG", "ERR_INVALID_URL"]);

/** What a phase comes to whose request had no answer. */
export function networkFailure(thrown: unknown): PhaseFailure {
  if (thrown instanceof PhaseFailure) return thrown;
  if (thrown instanceof TargetBlocked) return new PhaseFailure("TARGET_BLOCKED", thrown.message, { retryable: false });
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  const message = `the function's server gave no answer: ${describeThrown(thrown)}`;
  return new PhaseFailure("HTTP_FAILED", message, { retryable: !UNSENDABLE.has(code) });
}
