import { isStorableText, type Json } from "@belfry/contract/json.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  normaliseJson,
  normaliseOutput,
  OUTPUT_MAX_BYTES,
  OUTPUT_MAX_DEPTH,
  PREVIEW_BYTES,
} from "./normalise-output.ts";

const nested = (levels: number, open = "[", close = "]") => JSON.parse(open.repeat(levels) + close.repeat(levels));
const nestedObjects = (levels: number, key: string) => JSON.parse(`{"${key}":`.repeat(levels) + 1 + "}".repeat(levels));

const stored = (value: unknown): Json => {
  const result = normaliseOutput(value);
  if (!result.ok) throw new Error(result.message);
  expect(JSON.parse(result.text)).toEqual(result.value);
  return result.value;
};

describe("a value within the limits", () => {
  it.each([[null], [true], [0], [""], ["text"], [[1, [2]]], [{ a: { b: [] } }]])("keeps %j", (value) => {
    expect(stored(value)).toEqual(value);
  });

  it("is what JSON.stringify makes of it", () => {
    expect(stored(undefined)).toBeNull();
    expect(stored(() => 1)).toBeNull();
    expect(stored({ at: new Date(0), gone: undefined, call: () => 1, list: [undefined, Number.NaN] })).toEqual({
      at: "1970-01-01T00:00:00.000Z",
      list: [null, null],
    });
  });

  it("is a copy, so that its maker may go on changing the original", () => {
    const state = { runs: 1 };
    const value = stored(state);
    state.runs = 2;

    expect(value).toEqual({ runs: 1 });
  });

  it("may have exactly the largest size and depth", () => {
    const text = "x".repeat(OUTPUT_MAX_BYTES - 2);

    expect(stored(text)).toBe(text);
    expect(stored(nested(OUTPUT_MAX_DEPTH))).toEqual(nested(OUTPUT_MAX_DEPTH));
  });
});

describe("text that Postgres cannot store", () => {
  it("is replaced in strings and in keys, and only there", () => {
    const poisoned = { "k\u0000": "a\u0000b", list: ["\ud800", "x\udc00y", "😀"], written: "\\u0000 \\ud800" };

    expect(stored(poisoned)).toEqual({
      "k\ufffd": "a\ufffdb",
      list: ["\ufffd", "x\ufffdy", "😀"],
      written: "\\u0000 \\ud800",
    });
  });

  it("is left in `whole`, which goes on to the next phase", () => {
    expect(normaliseOutput({ a: "\u0000" })).toMatchObject({ whole: { a: "\u0000" }, value: { a: "\ufffd" } });
  });
});

describe("a value over a limit", () => {
  it("is cut to its beginning and marked with its size", () => {
    const value = { text: "é".repeat(OUTPUT_MAX_BYTES) };
    const cut = stored(value) as { preview: string };

    expect(cut).toEqual({ truncated: true, bytes: 2 * OUTPUT_MAX_BYTES + 11, preview: expect.any(String) });
    expect(JSON.stringify(value).startsWith(cut.preview)).toBe(true);
    expect(Buffer.byteLength(cut.preview)).toBeOneOf([PREVIEW_BYTES, PREVIEW_BYTES - 1]);
    expect(normaliseOutput(value)).toMatchObject({ whole: value, tooDeep: false });
  });

  it("is cut and marked with its depth", () => {
    expect(stored(nested(65))).toEqual({
      truncated: true,
      bytes: 130,
      depth: 65,
      preview: "[".repeat(65) + "]".repeat(65),
    });
    expect(normaliseOutput(nested(65))).toMatchObject({ tooDeep: true, whole: null });
  });

  it("does not count brackets inside strings as depth", () => {
    const value = { text: `\\"${"[".repeat(200)}` };

    expect(stored(value)).toEqual(value);
  });

  // Keys that are numbers make JSON.stringify recurse, and overflow; the others do not.
  it.each(["a", "0", "\\u0000"])("is cut without overflowing at 100,000 levels under the key %j", (key) => {
    const cut = stored(nestedObjects(100_000, key));

    expect(cut).toMatchObject({ truncated: true, depth: 100_000 });
    expect(JSON.stringify(cut).length).toBeLessThan(4 * PREVIEW_BYTES);
  });
});

describe("a value without JSON text", () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const farCycle: { [key: string]: unknown } = nestedObjects(50_000, "0");
  let end = farCycle;
  while (typeof end["0"] === "object") end = end["0"] as typeof farCycle;
  end["0"] = farCycle;

  it.each([
    ["a BigInt", { n: 1n }, /^not JSON: .*BigInt/],
    ["a cycle", cycle, /^not JSON: .*circular/i],
    ["a cycle behind 50,000 levels", farCycle, /^not JSON: cyclic/],
    [
      "a toJSON that throws null",
      {
        toJSON: () => {
          throw null;
        },
      },
      /^not JSON: threw null/,
    ],
    [
      "a getter that throws",
      {
        get a() {
          throw new Error("boom");
        },
      },
      /^not JSON: boom/,
    ],
  ])("is told: %s", (_, value, message) => {
    expect(normaliseOutput(value)).toEqual({ ok: false, message: expect.stringMatching(message) });
  });

  it("comes to an end even if the value has none", () => {
    const endless = () => ({ 0: { toJSON: endless } });

    expect(stored(endless())).toMatchObject({ truncated: true });
  });
});

const poisonedText = fc.string({
  unit: fc.constantFrom("\u0000", "\ud800", "\udfff", "\\", "u0000", "ud800", '"', "a", "😀"),
});
const poisonedJson = fc.letrec<{ any: Json }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 80, withCrossShrink: true },
    poisonedText,
    fc.constant(null),
    fc.double(),
    fc.boolean(),
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(poisonedText, fc.constant("__proto__")), tie("any"), { maxKeys: 4 }),
  ),
})).any;

it("gives storable text for any JSON value", () => {
  fc.assert(
    fc.property(fc.oneof(poisonedJson, fc.jsonValue() as fc.Arbitrary<Json>), (value) => {
      const result = normaliseOutput(value);
      if (!result.ok) return false;
      const strings: string[] = [];
      JSON.parse(result.text, (key, part) => {
        strings.push(key);
        if (typeof part === "string") strings.push(part);
        return part;
      });
      return (
        isStorableText(result.text) &&
        strings.every(isStorableText) &&
        Buffer.byteLength(result.text) <= OUTPUT_MAX_BYTES &&
        JSON.stringify(JSON.parse(result.text)) === JSON.stringify(result.value)
      );
    }),
    { numRuns: 1000 },
  );
});

it("makes the same of what was read from JSON text, and copies it only to change it", () => {
  const within = { list: [1, "two"] };
  expect(normaliseJson(within)).toMatchObject({ ok: true, value: within, whole: within });
  expect((normaliseJson(within) as { value: Json }).value).toBe(within);

  const others = [{ poisoned: "\u0000" }, "x".repeat(OUTPUT_MAX_BYTES), nested(65), nestedObjects(100_000, "0")];
  for (const value of others) expect(normaliseJson(value)).toEqual(normaliseOutput(value));
  fc.assert(
    fc.property(poisonedJson, (made) => {
      const text = JSON.stringify(made);
      expect(normaliseJson(JSON.parse(text))).toEqual(normaliseOutput(JSON.parse(text)));
    }),
  );
});
