import { ApiError } from "@belfry/contract/errors.ts";
import type { CallbackKey } from "@belfry/db/callback-token.ts";
import type { CallbackOutcome } from "@belfry/db/callbacks.ts";
import { callbackReceiptAnswer, errorAnswers } from "./answers.ts";
import { assertFound } from "./not-found.ts";

/** The answers of every route that takes a phase's token. */
export const callbackAnswers = {
  200: callbackReceiptAnswer,
  ...errorAnswers(
    "MALFORMED_JSON",
    "NOT_FOUND",
    "CALLBACK_ANSWERED",
    "CALLBACK_CLOSED",
    "PAYLOAD_TOO_LARGE",
    "UNSUPPORTED_MEDIA_TYPE",
    "VALIDATION_ERROR",
  ),
};

/** What is answered to a function that has called about a phase. Throws ApiError NOT_FOUND, CALLBACK_ANSWERED, CALLBACK_CLOSED. */
export function callbackReceipt(outcome: CallbackOutcome, { executionId, attempt, phase }: CallbackKey) {
  assertFound("execution", outcome !== "unknown");
  if (outcome === "answered") throw new ApiError("CALLBACK_ANSWERED", `this ${phase} was answered before`);
  if (outcome === "closed") throw new ApiError("CALLBACK_CLOSED", `attempt ${attempt} of this execution is over`);
  return { execution_id: executionId, attempt, phase };
}
