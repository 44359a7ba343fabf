import type { ErrorRecord } from "./api.ts";

/** The API's own codes, and two for calls that it has not answered. */
export type BelfryErrorCode =
  | ErrorRecord["code"]
  /** No answer came in time. What was asked for may have happened all the same. */
  | "TIMEOUT"
  /** No answer came, or none that the API gives: no connection, a broken one, a proxy's page. */
  | "NO_ANSWER";

/** Why a call failed. `code` stays the same when the words of `message` change. */
export class BelfryError extends Error {
  readonly code: BelfryErrorCode;
  /** The HTTP status; null if there was no answer. */
  readonly status: number | null;
  /** What is wrong with which field, for `VALIDATION_ERROR`. */
  readonly details: NonNullable<ErrorRecord["details"]>;

  constructor(code: BelfryErrorCode, message: string, options: ErrorOptions & Partial<BelfryErrorFields> = {}) {
    super(message, options);
    this.name = "BelfryError";
    this.code = code;
    this.status = options.status ?? null;
    this.details = options.details ?? [];
  }
}

type BelfryErrorFields = Pick<BelfryError, "status" | "details">;
