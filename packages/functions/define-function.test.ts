import { expect, it } from "vitest";
import { defineFunction, isDefinedFunction } from "./define-function.ts";

const perform = () => null;

it("makes a function of a name and a perform", () => {
  const greet = defineFunction({ name: " greet ", perform });

  expect(greet).toMatchObject({ name: "greet", description: "", check: null, timeoutMs: null, perform });
  expect(isDefinedFunction(greet)).toBe(true);
});

it("types the event of perform by what check answers", () => {
  defineFunction({
    name: "typed",
    check: () => ({ shouldPerform: true, performPayload: { rows: 3 } }),
    perform: (event) => {
      const rows: number = event.rows;
      const job: string = event.automation_job;
      // @ts-expect-error: check answers no columns
      return [rows, job, event.columns];
    },
  });
});

it.each([
  [{ perform }, /name: /],
  [{ name: "", perform }, /name: must not be empty/],
  [{ name: "a\nb", perform }, /name: must not contain control characters/],
  [{ name: "x" }, /perform: must be a function/],
  [{ name: "x", perform, check: {} }, /check: must be a function/],
  [{ name: "x", perform, timeoutMs: 0 }, /timeoutMs: /],
  [{ name: "x", perform, description: 7 }, /description: /],
  [{ name: "x", perform, timeout: 5 }, /unknown field "timeout"/],
  [{ name: "", preform: perform }, /unknown field "preform".*name: .*perform: must be a function/],
  [null, /needs an object/],
])("refuses %o", (definition, message) => {
  expect(() => defineFunction(definition as never)).toThrow(message);
});

it("recognises what another copy of the package made, and nothing else", () => {
  const mark = Symbol.for("belfry.function");

  expect(isDefinedFunction({ [mark]: true, name: "x", description: "", check: null, perform, timeoutMs: null })).toBe(
    true,
  );
  expect(isDefinedFunction({ name: "x", check: null, perform })).toBe(false);
  expect(isDefinedFunction({ [mark]: true, name: "x" })).toBe(false);
  expect(isDefinedFunction(perform)).toBe(false);
  expect(isDefinedFunction(null)).toBe(false);
});
