/**
 * Every way in which a request can fail: machine code, HTTP status and the short label of the `error` field.
 * The sentence for people is given where the error is raised.
 */
export const API_ERRORS = {
  MALFORMED_JSON: [400, "bad request"],
  BAD_REQUEST: [400, "bad request"],
  UNAUTHORIZED: [401, "unauthorized"],
  FORBIDDEN: [403, "forbidden"],
  NOT_FOUND: [404, "not found"],
  METHOD_NOT_ALLOWED: [405, "method not allowed"],
  CONFLICT: [409, "conflict"],
  JOB_NAME_TAKEN: [409, "conflict"],
  FUNCTION_NAME_TAKEN: [409, "conflict"],
  FUNCTION_IN_USE: [409, "conflict"],
  CALENDAR_NAME_TAKEN: [409, "conflict"],
  CALENDAR_IN_USE: [409, "conflict"],
  JOB_NOT_ACTIVE: [409, "conflict"],
  NO_WORKER: [409, "conflict"],
  EXECUTION_FINAL: [409, "conflict"],
  CALLBACK_ANSWERED: [409, "conflict"],
  CALLBACK_CLOSED: [409, "conflict"],
  PAYLOAD_TOO_LARGE: [413, "payload too large"],
  UNSUPPORTED_MEDIA_TYPE: [415, "unsupported media type"],
  VALIDATION_ERROR: [422, "validation error"],
  SCHEDULE_INVALID: [422, "validation error"],
  SOURCE_INVALID: [422, "validation error"],
  IDEMPOTENCY_KEY_REUSED: [422, "validation error"],
  TOO_MANY_UPLOADS: [429, "too many requests"],
  INTERNAL: [500, "internal error"],
  UNAVAILABLE: [503, "service unavailable"],
  COMPILER_BUSY: [503, "service unavailable"],
  TEST_TIMEOUT: [504, "timeout"],
} as const satisfies Record<string, readonly [status: number, label: string]>;

export type ApiErrorCode = keyof typeof API_ERRORS;

/**
 * One thing that is wrong with one field. `path` is dotted, empty for the body as a whole. `line` and `column`, from 1, say
 * where in a source it is.
 */
export type FieldError = { path: string; message: string; code: string; line?: number; column?: number };

/** An error that is answered to the client as it is. Anything else that is thrown becomes `INTERNAL`. */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly details: FieldError[] | undefined;

  constructor(code: ApiErrorCode, message: string, details?: FieldError[]) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return API_ERRORS[this.code][0];
  }
}

/** A body of which one field cannot be accepted. */
export function invalidField(path: string, message: string): ApiError {
  return new ApiError("VALIDATION_ERROR", message, [{ path, message, code: "invalid" }]);
}

/** Why an attempt, and with it perhaps the execution, failed. Stored in the ledger as `error.code`. */
export const EXECUTION_ERROR_CODES = [
  "FUNCTION_ERROR", // the function threw, or answered something that is not JSON
  "FUNCTION_NOT_FOUND", // no worker of this pool has the module, or the function was deleted
  "CHECK_INVALID", // check answered something other than { shouldPerform, performPayload? }
  "HTTP_STATUS", // the function's server answered other than 2xx
  "HTTP_FAILED", // no usable answer: refused, reset, unknown host, not JSON
  "TARGET_BLOCKED", // its address is one that functions may not reach
  "PAYLOAD_INVALID", // the job's payload is not what the function's input asks for
  "FUNCTION_CRASHED", // its process ended, or used more memory than it may
  "TIMEOUT", // a phase ran longer than it may
  "CANCELLED", // somebody cancelled it
  "WORKER_LOST", // its worker went silent
  "WORKER_STOPPED", // its worker was shut down before it was done
] as const;
export type ExecutionErrorCode = (typeof EXECUTION_ERROR_CODES)[number];
export type ExecutionError = { code: ExecutionErrorCode; message: string };
