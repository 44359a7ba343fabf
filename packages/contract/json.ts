import { z } from "zod";

/** What JSON can carry. Everything that crosses a process boundary in Belfry is one of these. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** Limits of a job's payload. Bytes are UTF-8 bytes of the compact JSON text; a flat object is one level deep. */
export const PAYLOAD_MAX_BYTES = 256 * 1024;
export const PAYLOAD_MAX_DEPTH = 10;

/**
 * Postgres stores neither U+0000 nor a surrogate without its partner in `text` and `jsonb`, and one such string
 * fails the whole batch that carries it.
 */
export function isStorableText(text: string): boolean {
  return !text.includes("\u0000") && text.isWellFormed();
}

/** Why a value cannot be a payload, or null if it can. Walks at most `PAYLOAD_MAX_DEPTH` levels. */
export function payloadProblem(
  value: Json,
): { code: "too_large" | "too_deep" | "not_storable"; message: string } | null {
  const problem = structureProblem(value, 0);
  if (problem) return problem;
  const bytes = Buffer.byteLength(JSON.stringify(value));
  if (bytes > PAYLOAD_MAX_BYTES) {
    return { code: "too_large", message: `payload has ${bytes} bytes, at most ${PAYLOAD_MAX_BYTES} are allowed` };
  }
  return null;
}

const TOO_DEEP = { code: "too_deep", message: `payload is nested deeper than ${PAYLOAD_MAX_DEPTH} levels` } as const;
const NOT_STORABLE = {
  code: "not_storable",
  message: "payload has text with U+0000 or a lone surrogate, which cannot be stored",
} as const;

const NOT_A_NUMBER = { code: "not_storable", message: "payload has a number beyond what JSON can carry back" } as const;

type Problem = typeof TOO_DEEP | typeof NOT_STORABLE | typeof NOT_A_NUMBER;

function structureProblem(value: Json, depth: number): Problem | null {
  // 1e400 is read as Infinity, which would be written as null.
  if (typeof value === "number") return Number.isFinite(value) ? null : NOT_A_NUMBER;
  if (typeof value === "string") return isStorableText(value) ? null : NOT_STORABLE;
  if (value === null || typeof value !== "object") return null;
  if (depth === PAYLOAD_MAX_DEPTH) return TOO_DEEP;
  for (const key of Object.keys(value)) {
    if (!isStorableText(key)) return NOT_STORABLE;
    const problem = structureProblem((value as JsonObject)[key] as Json, depth + 1);
    if (problem) return problem;
  }
  return null;
}

/** Any JSON value; used for documents that Belfry only carries. */
export const json: z.ZodType<Json> = z.json() as z.ZodType<Json>;

/**
 * A job's payload. The shape is left to `payloadProblem`, which stops at the depth limit: zod's own `z.json()`
 * recurses without one, and a body of 100,000 brackets would overflow its stack.
 */
export const payload = z.custom<Json>().superRefine((value, ctx) => {
  if (value === undefined) return;
  const problem = payloadProblem(value);
  if (problem) ctx.addIssue({ code: "custom", message: problem.message, params: { code: problem.code } });
});
