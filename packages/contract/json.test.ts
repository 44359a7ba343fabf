import { describe, expect, it } from "vitest";
import { type Json, PAYLOAD_MAX_BYTES, PAYLOAD_MAX_DEPTH, payloadProblem } from "./json.ts";

const nested = (levels: number): Json => (levels === 0 ? 1 : [nested(levels - 1)]);

describe("a payload", () => {
  it.each<[string, Json]>([
    ["nothing special", { a: [1, "ü", null, true], b: {} }],
    ["a bare value", "text"],
    ["as deep as allowed", nested(PAYLOAD_MAX_DEPTH)],
    ["as long as allowed", "x".repeat(PAYLOAD_MAX_BYTES - 2)],
    ["keys that mean something to JavaScript", JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}')],
  ])("may be %s", (_, value) => {
    expect(payloadProblem(value)).toBeNull();
  });

  it.each<[string, Json, string]>([
    ["deeper", nested(PAYLOAD_MAX_DEPTH + 1), "too_deep"],
    ["longer, in bytes and not in characters", "ü".repeat(PAYLOAD_MAX_BYTES / 2), "too_large"],
    ["U+0000 in a text", ["\u0000"], "not_storable"],
    ["U+0000 in a key", { "\u0000": 1 }, "not_storable"],
    ["a lone surrogate", "\ud800", "not_storable"],
    ["a number beyond what JSON gives back", JSON.parse('{"a": 1e400}'), "not_storable"],
  ])("may not be or have %s", (_, value, code) => {
    expect(payloadProblem(value)).toMatchObject({ code });
  });

  it("is looked into no deeper than it may be", () => {
    let endless: Json = 1;
    for (let i = 0; i < 1_000_000; i++) endless = [endless];
    expect(payloadProblem(endless)).toMatchObject({ code: "too_deep" });
  });
});
