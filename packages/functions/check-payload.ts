import type { InputIssue, InputSchema } from "./input-schema.ts";
import type { Json } from "./json.ts";
import { Refusal } from "./refusal.ts";

/** The payload as the function's `input` reads it, or as it is without one. @throws Refusal that names each wrong field. */
export async function checkPayload(input: InputSchema | null, payload: Json): Promise<Json> {
  if (!input) return payload;
  const result = await input["~standard"].validate(payload);
  if (!result.issues) return result.value as Json;
  const details = result.issues.map((issue) => ({ path: pathOf(issue), message: issue.message }));
  const message = details.map((detail) => `${detail.path || "payload"}: ${detail.message}`).join("; ");
  throw new Refusal("PAYLOAD_INVALID", message, { details });
}

function pathOf({ path = [] }: InputIssue): string {
  return path.map((part) => String(typeof part === "object" ? part.key : part)).join(".");
}
