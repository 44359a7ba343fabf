import { ApiError } from "@belfry/contract/errors.ts";
import type { CallbackKey } from "@belfry/db/callback-token.ts";
import type { CallbackOutcome } from "@belfry/db/callbacks.ts";
import { assertFound } from "./not-found.ts";

/** What is answered to a function that has called about a phase. Throws ApiError NOT_FOUND, CALLBACK_ANSWERED, CALLBACK_CLOSED. */
export function callbackReceipt(outcome: CallbackOutcome, { executionId, attempt, phase }: CallbackKey) {
  assertFound("execution", outcome !== "unknown");
  if (outcome === "answered") throw new ApiError("CALLBACK_ANSWERED", `this ${phase} was answered before`);
  if (outcome === "closed") throw new ApiError("CALLBACK_CLOSED", `attempt ${attempt} of this execution is over`);
  return { execution_id: executionId, attempt, phase };
}
