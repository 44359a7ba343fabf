import { createHash } from "node:crypto";
import type { Phase } from "./history.ts";

/** What the target does with a call, after a while. */
export type Behaviour = { afterMs: number } & (
  | { kind: "answer"; status: number; headers?: Record<string, string>; body: string }
  | { kind: "hang" }
  | { kind: "break" }
);

/** Follows from the call alone, so that a call which comes twice is answered alike. */
export function behave(path: string, phase: Phase, executionId: string, attempt: number): Behaviour {
  const dice = createHash("sha256").update(`${path} ${phase} ${executionId} ${attempt}`).digest();
  const percent = ((dice[0] as number) * 256 + (dice[1] as number)) % 100;
  const part = (dice[2] as number) / 256;
  switch (path) {
    case "slow":
      return { ...good(phase), afterMs: phase === "check" ? part * 150 : 50 + part * 2_500 };
    case "pondering":
      return { ...good(phase), afterMs: phase === "check" ? 300 + part * 900 : 0 };
    case "failing":
      return phase === "check" ? good(phase) : fail(percent);
    case "broken":
      return { ...answer('{"error":"never"}'), status: 404 };
    case "declining":
      return phase === "check" && percent < 50 ? answer('{"shouldPerform":false}') : good(phase);
    case "hanging":
      return percent < 15 ? { kind: "hang", afterMs: 0 } : good(phase);
    case "poison":
      return percent < 60
        ? { kind: "answer", afterMs: 0, status: percent < 50 ? 200 : 500, body: poison(percent) }
        : good(phase);
    default:
      return good(phase);
  }
}

const answer = (body: string): Behaviour & { kind: "answer" } => ({ kind: "answer", afterMs: 0, status: 200, body });

const good = (phase: Phase): Behaviour & { kind: "answer" } =>
  answer(phase === "check" ? '{"shouldPerform":true,"performPayload":{"from":"check"}}' : '{"done":true}');

function fail(percent: number): Behaviour {
  if (percent < 30) return { ...answer('{"error":"busy"}'), status: 500 };
  if (percent < 36) return { ...answer('{"error":"later"}'), status: 429, headers: { "retry-after": "1" } };
  if (percent < 42) return { ...answer('{"error":"no"}'), status: 404 };
  if (percent < 52) return { kind: "break", afterMs: 0 };
  return good("perform");
}

/** Answers that break what takes them as they are. */
function poison(percent: number): string {
  const kinds = [
    () => '{"shouldPerform":true,"performPayload":{"text":"a\\u0000b"},"text":"a\\u0000b"}',
    () => '{"shouldPerform":true,"performPayload":{"text":"\\ud800"},"\\udfff":"\\ud800"}',
    () => JSON.stringify({ shouldPerform: true, big: "x".repeat(2_000_000) }),
    () => JSON.stringify({ shouldPerform: true, big: "x".repeat(200_000) }),
    () => "this is not JSON",
    () => `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    () => '{"shouldPerform":true,"performPayload":{"__proto__":{"a":1},"phase":"check","belfry":null},"n":1e999}',
  ];
  return (kinds[percent % kinds.length] as () => string)();
}
