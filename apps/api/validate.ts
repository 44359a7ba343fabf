import { ApiError, type FieldError } from "@belfry/contract/errors.ts";
import { isStorableText } from "@belfry/contract/json.ts";
import type { FastifySchemaCompiler } from "fastify";
import { z } from "zod";
import { fieldError, fieldErrors, firstProblem } from "./field-errors.ts";

/**
 * Checks a part of a request with its zod schema. What is wrong with it is an ApiError: a body is refused with 422,
 * query parameters and headers with 400, and a path that can belong to nothing with 404.
 */
export const validatorCompiler: FastifySchemaCompiler<z.core.$ZodType> =
  ({ schema, httpPart }) =>
  (sent) => {
    // Fastify says null for a body that is not there.
    const given = httpPart === "body" ? (sent ?? undefined) : sent;
    const { value, details } = check(schema, given);
    return details.length > 0 ? { error: refusal(httpPart, details) } : { value };
  };

/** What a body says under a schema, or an ApiError with what is wrong with it. */
export function checkBody<Schema extends z.core.$ZodType>(schema: Schema, given: unknown): z.output<Schema> | ApiError {
  const { value, details } = check(schema, given);
  return details.length > 0 ? refusal("body", details) : (value as z.output<Schema>);
}

function check(schema: z.core.$ZodType, given: unknown): { value?: unknown; details: FieldError[] } {
  const result = z.core.safeParse(schema, given);
  if (!result.success) return { details: fieldErrors(result.error.issues, given) };
  return { value: result.data, details: findUnstorable(given) };
}

function refusal(httpPart: string | undefined, details: FieldError[]): ApiError {
  switch (httpPart) {
    case "params":
      return new ApiError("NOT_FOUND", details[0]?.message ?? "not found");
    case "body":
      return details.some((detail) => detail.code === "too_large")
        ? new ApiError("PAYLOAD_TOO_LARGE", firstProblem(details), details)
        : new ApiError("VALIDATION_ERROR", firstProblem(details), details);
    default:
      return new ApiError("BAD_REQUEST", firstProblem(details), details);
  }
}

const CARRIED = new Set(["payload", "output"]);

/**
 * What the schemas let through and the store cannot keep: text with U+0000 or a lone surrogate, and a key
 * `__proto__`, which zod leaves out of records without a word. A payload and an output are left alone: the contract checks
 * the one, the worker cleans the other, and they are kept as they were sent. What has passed a schema is flat, so the walk is short.
 */
function findUnstorable(given: unknown, path: readonly string[] = []): FieldError[] {
  if (typeof given === "string") {
    return isStorableText(given)
      ? []
      : [fieldError(path, "must not contain U+0000 or a lone surrogate", "not_storable")];
  }
  if (typeof given !== "object" || given === null) return [];
  return Object.entries(given).flatMap(([key, value]) => {
    const inner = [...path, key];
    if (key === "__proto__") return [fieldError(inner, "unknown field", "unknown_field")];
    return inner.length === 1 && CARRIED.has(key) ? [] : findUnstorable(value, inner);
  });
}
