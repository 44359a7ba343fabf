import { randomBytes } from "node:crypto";

/**
 * A UUIDv7 (RFC 9562, section 5.7) whose time is that of the occurrence, in milliseconds since the epoch. So ids of
 * executions are in the order of their occurrences, and a span of time is a span of ids.
 */
export function executionId(scheduledFor: number): string {
  return format(scheduledFor, randomBytes(10));
}

/** The least id that an execution of this instant or a later one can have. */
export function leastExecutionId(scheduledFor: number): string {
  return format(scheduledFor, Buffer.alloc(10));
}

/** The instant that an id carries. */
export function instantOfExecutionId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

function format(ms: number, rest: Buffer): string {
  const bytes = Buffer.alloc(16);
  // Before 1970 there is no UUIDv7; whoever asks for it means "from the beginning".
  bytes.writeUIntBE(Math.max(0, Math.floor(ms)), 0, 6);
  rest.copy(bytes, 6);
  bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
