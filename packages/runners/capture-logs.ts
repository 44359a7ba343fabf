import { inspect } from "node:util";
import type { Logger } from "@belfry/functions/define-function.ts";
import { firstBytes, toStorableText } from "./storable-text.ts";

const MAX_LINES = 1000;
const MAX_BYTES = 64 * 1024;
/** Room for the line that says how much was cut. */
const NOTE_BYTES = 100;

/**
 * A logger, and what was logged by it as lines of `level message`. At most 1,000 lines and 64 KB are kept; what is
 * beyond is counted, and the last line then says how much was cut. Neither half ever throws.
 */
export function captureLogs(): { logger: Logger; lines: () => string[] } {
  const kept: string[] = [];
  let room = MAX_BYTES - NOTE_BYTES;
  let cutLines = 0;
  let cutBytes = 0;

  const at =
    (level: string) =>
    (...args: unknown[]) => {
      const line = toStorableText([level, ...args.map(format)].join(" "));
      // Once something was cut nothing is kept any more: a log with holes in the middle misleads.
      const fits = cutLines === 0 && kept.length < MAX_LINES - 1 ? firstBytes(line, room) : "";
      if (fits) kept.push(fits);
      room -= Buffer.byteLength(fits);
      if (fits.length === line.length) return;
      cutLines += 1;
      cutBytes += Buffer.byteLength(line) - Buffer.byteLength(fits);
    };

  return {
    logger: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
    lines: () => (cutLines === 0 ? [...kept] : [...kept, `warn [log cut: ${cutLines} lines, ${cutBytes} bytes]`]),
  };
}

function format(value: unknown): string {
  if (typeof value === "string") return value;
  try {
    // JSON for what JSON can say, so that a line can be searched and pasted; the rest as Node prints it.
    return (isJsonLike(value) && JSON.stringify(value)) || print(value);
  } catch {
    return print(value);
  }
}

function isJsonLike(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value) || "toJSON" in value;
}

function print(value: unknown): string {
  try {
    return inspect(value, { depth: 4, breakLength: Number.POSITIVE_INFINITY });
  } catch {
    return "[cannot be formatted]";
  }
}
