import { type DestinationStream, pino } from "pino";
import { standardOutput } from "./standard-output.ts";

export type Logger = pino.Logger;

/** Names under which a secret could be logged by mistake, wherever they stand. */
const SECRET_FIELDS = new Set([
  "authorization",
  "cookie",
  "password",
  "secret",
  "token",
  "key",
  "api_key",
  "headers",
  "DATABASE_URL",
  "REDIS_URL",
]);

/**
 * One JSON line an event on standard output, or on `destination`. Fields that name things are `job_id`, `account_id`,
 * `function_id`, `execution_id` and `worker` everywhere.
 */
export function createLogger(
  service: string,
  level: string,
  destination: DestinationStream = standardOutput(),
): Logger {
  const options: pino.LoggerOptions = {
    level,
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {
      level: (label) => ({ level: label }),
      log: (fields) => redacted(fields, REDACTED_LEVELS),
    },
    // What a child logger is bound to passes no formatter. Paths without wildcards cost next to nothing.
    redact: { paths: [...SECRET_FIELDS], censor: "[redacted]" },
    serializers: { err: serializeError, error: serializeError },
    hooks: {
      // Of an error that is logged without words pino takes the message for the words: a failed query's holds its parameters.
      logMethod([first, ...words], method) {
        const error = first instanceof Error ? first : (first as { err?: unknown } | null)?.err;
        if (words.length > 0 || !(error instanceof Error)) return method.call(this, first, ...words);
        method.call(this, first instanceof Error ? { err: first } : first, messageOf(error));
      },
      // A URL may stand in any field and any text.
      streamWrite: withoutCredentials,
    },
  };
  return pino(options, destination);
}

/** How deep secrets are looked for. */
const REDACTED_LEVELS = 3;

/**
 * The fields without secrets; the same object when it has none, which is nearly always. pino's own `redact` tries each
 * path with its wildcards on each line, which took a tenth of a busy worker's time.
 */
function redacted(fields: Record<string, unknown>, levels: number): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  for (const [key, value] of Object.entries(fields)) {
    const clean = SECRET_FIELDS.has(key)
      ? "[redacted]"
      : levels > 1 && isPlain(value)
        ? redacted(value, levels - 1)
        : value;
    if (clean === value) continue;
    copy ??= { ...fields };
    copy[key] = clean;
  }
  return copy ?? fields;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !(value instanceof Error) && !Array.isArray(value);
}

const messageOf = (error: Error): string => (serializeError(error) as { message: string }).message;

/**
 * An error with its causes, without what could be a secret: no credentials of URLs, and of a failed query neither text
 * nor parameters, only what the database said.
 */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if ("query" in error && error.cause instanceof Error) return serializeError(error.cause);
  return {
    type: error.name,
    message: withoutCredentials(error.message),
    ...("code" in error && { code: error.code }),
    stack: error.stack && withoutCredentials(error.stack),
    ...(error.cause !== undefined && { cause: serializeError(error.cause) }),
  };
}

/** A text without the user and password of URLs in it, JSON as well. A password may hold an `@`: the last one before the path counts. */
export function withoutCredentials(text: string): string {
  if (!text.includes("://")) return text;
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"]+@/gi, "$1***@");
}
