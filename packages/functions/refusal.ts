/** Why a call of a function is answered with an error, and how. Thrown by the steps of `answerCall` and caught there. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: RefusalCode;
  readonly details: readonly { path: string; message: string }[] | undefined;

  constructor(code: RefusalCode, message: string, options: ErrorOptions & Pick<Partial<Refusal>, "details"> = {}) {
    super(message, options);
    this.name = "Refusal";
    this.code = code;
    this.status = REFUSALS[code];
    this.details = options.details;
  }
}

/** Statuses by which a worker knows what to do: 5xx is tried again, 4xx is not. */
const REFUSALS = {
  MALFORMED_JSON: 400,
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  METHOD_NOT_ALLOWED: 405,
  PAYLOAD_TOO_LARGE: 413,
  /** The job's payload is not what the function's `input` asks for. */
  PAYLOAD_INVALID: 422,
  FUNCTION_DISABLED: 422,
  /** A PermanentError was thrown, or what was answered is not JSON: it would end the same way again. */
  PERMANENT_ERROR: 422,
  FUNCTION_ERROR: 500,
  /** The server around the function has taken its body away. */
  BODY_UNAVAILABLE: 500,
} as const;
export type RefusalCode = keyof typeof REFUSALS;
