import { randomUUID } from "node:crypto";

/**
 * A UUIDv7 (RFC 9562, section 5.7) whose time is that of the occurrence, in milliseconds since the epoch. So ids of
 * executions are in the order of their occurrences, and a span of time is a span of ids.
 */
export function executionId(scheduledFor: number): string {
  return `${timeOf(scheduledFor)}7${randomUUID().slice(15)}`;
}

/** The least id that an execution of this instant or a later one can have. */
export function leastExecutionId(scheduledFor: number): string {
  return `${timeOf(scheduledFor)}7000-8000-000000000000`;
}

/** The instant that an id carries. */
export function instantOfExecutionId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The first 48 bits. Before 1970 there is no UUIDv7; whoever asks for it means "from the beginning". */
function timeOf(ms: number): string {
  const hex = Math.max(0, Math.floor(ms)).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-`;
}
