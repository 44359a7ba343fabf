import type { Json, JsonObject } from "@belfry/contract/json.ts";
import { PhaseFailure } from "./phase-failure.ts";
import { firstBytes } from "./storable-text.ts";

export type CheckResult = { shouldPerform: boolean; performPayload: JsonObject };

/**
 * Reads what a check answered. A `performPayload` that is absent or null is `{}`; other keys are ignored.
 * @throws PhaseFailure CHECK_INVALID, with a message that says what came instead.
 */
export function readCheckResult(answer: Json): CheckResult {
  const invalid = (message: string) => new PhaseFailure("CHECK_INVALID", message, { retryable: false, output: answer });
  if (!isObject(answer)) {
    throw invalid(`check must answer an object { shouldPerform, performPayload? }, it answered ${show(answer)}`);
  }
  const { shouldPerform } = answer;
  if (typeof shouldPerform !== "boolean") {
    throw invalid(`check must answer shouldPerform as true or false, it answered ${show(shouldPerform)}`);
  }
  const performPayload = answer.performPayload ?? {};
  if (!isObject(performPayload)) {
    throw invalid(`check must answer performPayload as an object, it answered ${show(performPayload)}`);
  }
  return { shouldPerform, performPayload };
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(value: Json | undefined): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null)
    return `an object with the keys ${show(Object.keys(value).join(", "))}`;
  return firstBytes(JSON.stringify(value), 200);
}
