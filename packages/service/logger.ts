import { pino } from "pino";

export type Logger = pino.Logger;

/** Names under which a secret could be logged by mistake, wherever they stand. */
const SECRET_FIELDS = ["authorization", "cookie", "password", "secret", "token", "key", "api_key", "headers", "DATABASE_URL", "REDIS_URL"];

/**
 * One JSON line an event on standard output. Fields that name things are `job_id`, `account_id`, `function_id`,
 * `execution_id` and `worker` everywhere.
 */
export function createLogger(service: string, level: string): Logger {
  return pino({
    level,
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: "[redacted]" },
    serializers: { err: serializeError, error: serializeError },
  });
}

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

/** A text without the user and password of URLs in it. */
export function withoutCredentials(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, "$1***@");
}
