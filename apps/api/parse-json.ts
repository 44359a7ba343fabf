import { ApiError } from "@belfry/contract/errors.ts";
import type { Json } from "@belfry/contract/json.ts";

/**
 * A request's body, undefined for an empty one: `curl -X POST -H "content-type: application/json"` is a way to say
 * that there is nothing to say. Bytes that are not UTF-8 are refused rather than replaced. Keys named `__proto__` become ordinary
 * properties, as in any `JSON.parse`: payloads are kept as they were sent, and the schemas refuse them elsewhere.
 * Throws ApiError MALFORMED_JSON.
 */
export function parseJson(body: Buffer): Json | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    return text.trim() === "" ? undefined : JSON.parse(text);
  } catch (error) {
    const why = error instanceof SyntaxError ? `: ${error.message.slice(0, 200).toWellFormed()}` : ": it is not UTF-8";
    throw new ApiError("MALFORMED_JSON", `body is not valid JSON${why}`);
  }
}
