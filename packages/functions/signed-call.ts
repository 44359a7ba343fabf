import { randomBytes } from "node:crypto";
import { Webhook } from "standardwebhooks";
import type { CheckEvent, PhaseEvent } from "./event.ts";
import type { Json } from "./json.ts";

/** For tests: a call as a worker makes it, signed by the specification's own library. */
export function signedCall(secret: string, body: unknown, options: SignOptions = {}): SignedCall {
  const { id = "execution-1-check", at = new Date() } = options;
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return {
    method: "POST",
    body: text,
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
      "webhook-signature": new Webhook(secret).sign(id, at, text),
    },
  };
}

export type SignOptions = { id?: string; at?: Date };
export type SignedCall = { method: "POST"; body: string; headers: Record<string, string> };

export function newSecret(): string {
  return `whsec_${randomBytes(32).toString("base64")}`;
}

export function testEvent(phase: PhaseEvent["phase"], payload: Json = null, extra: object = {}): PhaseEvent {
  const belfry: CheckEvent["belfry"] = {
    execution_id: "execution-1",
    attempt: 2,
    scheduled_for: "2026-11-20T09:00:00.000Z",
    trigger: "schedule",
    payload,
  };
  return { ...extra, automation_job: "job-1", phase, belfry } as PhaseEvent;
}
