import type { Json } from "@belfry/contract/json.ts";
import type { DefinedFunction } from "@belfry/functions/define-function.ts";
import type { InputIssue } from "@belfry/functions/input-schema.ts";
import { PhaseFailure } from "./phase-failure.ts";

const MAX_ISSUES = 10;

/**
 * A job's payload as the function's `input` reads it, or a copy of it if the function has no input.
 * @throws PhaseFailure PAYLOAD_INVALID, which another attempt would not end otherwise, with the path of each issue.
 */
export async function readPayload({ input }: Pick<DefinedFunction, "input">, payload: Json): Promise<unknown> {
  const copy: unknown = JSON.parse(JSON.stringify(payload));
  if (!input) return copy;
  const result = await input["~standard"].validate(copy);
  if (!result.issues) return result.value;
  const listed = result.issues.slice(0, MAX_ISSUES).map((issue) => `${pathOf(issue)}: ${issue.message}`);
  const more = result.issues.length - listed.length;
  if (more > 0) listed.push(`and ${more} more`);
  throw new PhaseFailure("PAYLOAD_INVALID", listed.join("; "), { retryable: false });
}

function pathOf({ path }: InputIssue): string {
  const keys = (path ?? []).map((part) => (typeof part === "object" ? part.key : part));
  return ["payload", ...keys].map(String).join(".");
}
