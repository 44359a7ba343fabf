import type { ExecutionErrorCode } from "@belfry/contract/errors.ts";
import type { Json } from "@belfry/contract/json.ts";
import { firstBytes, toStorableText } from "./storable-text.ts";

const MESSAGE_MAX_BYTES = 4096;

/**
 * Why a phase failed, thrown by the steps of `runPhase` and caught there. `retryable` says whether another attempt
 * may end otherwise, `retryAfterMs` how long the function wants to be left alone before it; `output` is what is
 * recorded although the phase failed.
 */
export class PhaseFailure extends Error {
  readonly code: ExecutionErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;
  readonly output: Json;

  constructor(
    code: ExecutionErrorCode,
    message: string,
    options: { retryable: boolean; retryAfterMs?: number | null; output?: Json },
  ) {
    super(firstBytes(toStorableText(message), MESSAGE_MAX_BYTES));
    this.name = "PhaseFailure";
    this.code = code;
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.output = options.output ?? null;
  }
}
