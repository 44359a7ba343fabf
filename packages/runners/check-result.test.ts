import type { Json } from "@belfry/contract/json.ts";
import { expect, it } from "vitest";
import { readCheckResult } from "./check-result.ts";

it("reads whether to act, and with what", () => {
  const answer = { shouldPerform: true, performPayload: { rows: 3 }, note: "ignored" };

  expect(readCheckResult(answer)).toEqual({ shouldPerform: true, performPayload: { rows: 3 } });
});

it.each<Json>([{ shouldPerform: false }, { shouldPerform: false, performPayload: null }])(
  "takes %j as without a payload",
  (answer) => {
    expect(readCheckResult(answer)).toEqual({ shouldPerform: false, performPayload: {} });
  },
);

it.each<[Json, RegExp]>([
  [null, /must answer an object .* it answered null/],
  [true, /it answered true/],
  ["yes", /it answered "yes"/],
  ["x".repeat(10_000), /it answered "x{199}$/],
  [[{ shouldPerform: true }], /it answered an array of 1/],
  [{}, /shouldPerform as true or false, it answered nothing/],
  [{ shouldPerform: "true" }, /shouldPerform as true or false, it answered "true"/],
  [{ shouldPerform: 1 }, /it answered 1/],
  [{ shouldPerform: { a: 1 } }, /it answered an object with the keys "a"/],
  [JSON.parse('{"__proto__":{"shouldPerform":true}}'), /it answered nothing/],
  [{ shouldPerform: true, performPayload: [1, 2] }, /performPayload as an object, it answered an array of 2/],
  [{ shouldPerform: true, performPayload: "x" }, /performPayload as an object, it answered "x"/],
  [{ shouldPerform: false, performPayload: 0 }, /performPayload as an object, it answered 0/],
])("refuses %j and says what came", (answer, message) => {
  expect(() => readCheckResult(answer)).toThrow(
    expect.objectContaining({ code: "CHECK_INVALID", message: expect.stringMatching(message) }),
  );
});
