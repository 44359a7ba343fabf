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

/** Ours are set last and in lower case, so that a function's own headers can neither replace nor repeat them. */
export function requestHeaders({ event, body, own, secrets, deadline }: RequestFacts): Map<string, string> {
  const headers = new Map([["user-agent", "belfry"]]);
  for (const [name, value] of Object.entries(own)) headers.set(name.toLowerCase(), value);
  const { execution_id, attempt } = event.belfry;
  // The same for every attempt: by it a function knows that it has already done this.
  const id = `${execution_id}-${event.phase}`;
  headers.set("content-type", "application/json");
  headers.set("idempotency-key", id);
  headers.set("belfry-execution-id", execution_id);
  headers.set("belfry-attempt", String(attempt));
  headers.set("belfry-deadline", new Date(deadline).toISOString());
  headers.set("traceparent", traceparent(execution_id));
  if (secrets.length > 0) {
    for (const [name, value] of signatureHeaders({ id, body, at: Date.now() }, secrets)) headers.set(name, value);
  }
  return headers;
}

/**
 * W3C Trace Context. An execution is one trace: its id has the 16 bytes of one, and is the same in every phase and
 * attempt.
 */
function traceparent(executionId: string): string {
  return `00-${executionId.replaceAll("-", "")}-${randomBytes(8).toString("hex")}-01`;
}
