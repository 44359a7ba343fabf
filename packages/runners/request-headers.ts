import { randomBytes } from "node:crypto";
import type { PhaseEvent } from "@belfry/functions/event.ts";
import { signatureHeaders } from "./sign.ts";

export type RequestFacts = {
  event: PhaseEvent;
  /** What is posted, to the byte: the signature is over it. */
  body: string;
  /** The function's own headers. */
  own: Readonly<Record<string, string>>;
  secrets: readonly string[];
  /** When the phase's limit ends, in milliseconds since the epoch. */
  deadline: number;
};

/**
 * Each name with its value behind it. Ours are all in lower case, and a function's own headers can neither replace nor
 * repeat them.
 */
export function requestHeaders({ event, body, own, secrets, deadline }: RequestFacts): string[] {
  const { execution_id, attempt } = event.belfry;
  // The same for every attempt: by it a function knows that it has already done this.
  const id = `${execution_id}-${event.phase}`;
  const ours = [
    "content-type",
    "application/json",
    "idempotency-key",
    id,
    "belfry-execution-id",
    execution_id,
    "belfry-attempt",
    String(attempt),
    "belfry-deadline",
    new Date(deadline).toISOString(),
    "traceparent",
    traceparent(execution_id),
  ];
  if (secrets.length > 0) {
    for (const [name, value] of signatureHeaders({ id, body, at: Date.now() }, secrets)) ours.push(name, value);
  }
  addOwn(ours, own);
  return ours;
}

/** Adds those whose names are not there yet, and what may be replaced. */
function addOwn(headers: string[], own: Readonly<Record<string, string>>): void {
  const added = new Map([["user-agent", "belfry"]]);
  for (const [name, value] of Object.entries(own)) added.set(name.toLowerCase(), value);
  for (let i = 0; i < headers.length; i += 2) added.delete(headers[i] as string);
  for (const [name, value] of added) headers.push(name, value);
}

/**
 * W3C Trace Context. An execution is one trace: its id has the 16 bytes of one, and is the same in every phase and
 * attempt.
 */
function traceparent(executionId: string): string {
  return `00-${executionId.replaceAll("-", "")}-${spanId()}-01`;
}

const SPAN_BYTES = 8;
let random = Buffer.alloc(0);
let used = 0;

/** Asking for random bytes is dear, however few: they are asked for by the thousand. */
function spanId(): string {
  if (used === random.length) {
    random = randomBytes(SPAN_BYTES * 500);
    used = 0;
  }
  used += SPAN_BYTES;
  return random.toString("hex", used - SPAN_BYTES, used);
}
