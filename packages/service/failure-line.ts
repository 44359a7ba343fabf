import { withoutCredentials } from "./logger.ts";

/**
 * Why something could not start, in a line for people: the messages of an error and its causes, without credentials.
 * Of a failed query only what the database said, since its own message holds the parameters.
 */
export function failureLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ("query" in error && error.cause instanceof Error) return failureLine(error.cause);
  const inner = error instanceof AggregateError ? error.errors : error.cause === undefined ? [] : [error.cause];
  const line = [error.message, ...inner.map(failureLine)]
    .filter(Boolean)
    .join(": ")
    .replace(/\s*\n\s*/g, " ");
  return withoutCredentials(line);
}
