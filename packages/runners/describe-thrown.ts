import { inspect } from "node:util";

/**
 * One readable text for whatever was thrown: JavaScript lets people throw null, strings, and errors whose
 * `message` throws in turn. Never throws and is never empty.
 */
export function describeThrown(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return describeError(thrown);
    if (typeof thrown === "string" && thrown !== "") return thrown;
    return `threw ${inspect(thrown, { depth: 2, breakLength: Number.POSITIVE_INFINITY })}`;
  } catch {
    return "threw something that cannot be described";
  }
}

function describeError(error: Error): string {
  // A connection that was tried at several addresses fails with an empty message and one error for each.
  if (error instanceof AggregateError && !error.message) return error.errors.map(describeThrown).join("; ");
  return String(error.message || error.name || "unknown error");
}
