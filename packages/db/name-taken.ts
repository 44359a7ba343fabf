import { ApiError, type ApiErrorCode } from "@belfry/contract/errors.ts";
import { brokenConstraint } from "./pg-error.ts";

/** The names of an account that are unique: by the index that holds it, what has the name and how its refusal is called. */
const NAMES = {
  jobs_name: { what: "job", code: "JOB_NAME_TAKEN" },
  functions_name: { what: "function", code: "FUNCTION_NAME_TAKEN" },
  calendars_name: { what: "calendar", code: "CALENDAR_NAME_TAKEN" },
} as const satisfies Record<string, { what: string; code: ApiErrorCode }>;

/** What is to be thrown when a write has failed: that the name is taken, if that is why; else the error itself. */
export function nameTaken(error: unknown, index: keyof typeof NAMES, name: string): unknown {
  return brokenConstraint(error) === index ? takenName(index, name) : error;
}

export function takenName(index: keyof typeof NAMES, name: string, why = "already exists"): ApiError {
  const { what, code } = NAMES[index];
  return new ApiError(code, `${what} with name "${name}" ${why}`, [
    { path: "name", message: "is taken", code: "taken" },
  ]);
}
