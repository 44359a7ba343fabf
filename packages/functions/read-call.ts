import type { PhaseEvent, RollbackEvent } from "./event.ts";
import { Refusal } from "./refusal.ts";

export type ServedEvent = PhaseEvent | RollbackEvent;

const PHASES = new Set(["check", "perform", "rollback"]);

/** Joins the chunks of a body. @throws Refusal as soon as it is too large, by what its length says or by what has come. */
export async function readBody(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  contentLength: string | null,
  maxBytes: number,
): Promise<Uint8Array> {
  const tooLarge = () => new Refusal("PAYLOAD_TOO_LARGE", `the body is larger than ${maxBytes} bytes`);
  if (Number(contentLength) > maxBytes) throw tooLarge();
  const kept: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge();
    kept.push(chunk);
  }
  const body = new Uint8Array(length);
  let offset = 0;
  for (const chunk of kept) {
    body.set(chunk, offset);
    offset += chunk.length;
  }
  return body;
}

/** @throws Refusal for what is not JSON, and for JSON that no worker sends. */
export function readEvent(body: Uint8Array): ServedEvent {
  const event = parseJson(body);
  if (!isEvent(event)) {
    throw new Refusal(
      "BAD_REQUEST",
      'the body must be { "automation_job", "phase", "belfry": { … } } as Belfry sends it',
    );
  }
  return event;
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (thrown) {
    throw new Refusal("MALFORMED_JSON", `the body is not JSON: ${(thrown as Error).message}`);
  }
}

function isEvent(value: unknown): value is ServedEvent {
  if (typeof value !== "object" || value === null) return false;
  const { automation_job, phase, belfry } = value as Record<string, unknown>;
  return (
    typeof automation_job === "string" &&
    typeof phase === "string" &&
    PHASES.has(phase) &&
    typeof belfry === "object" &&
    belfry !== null &&
    typeof (belfry as Record<string, unknown>).execution_id === "string"
  );
}
