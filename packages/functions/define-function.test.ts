import { expect, it } from "vitest";
import { z } from "zod";
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

it("types the payload by the input's schema, and the resources by what setup answers", () => {
  const typed = defineFunction({
    name: "typed",
    input: z.object({ city: z.string() }),
    setup: async ({ payload }) => ({ rows: payload.city.length }),
    check: (_event, { payload, resources }) => ({
      shouldPerform: resources.rows > 3,
      performPayload: { at: payload.city },
    }),
    perform: ({ at }, { payload, resources }) => {
      const [rows, city]: [number, string] = [resources.rows, payload.city];
      // @ts-expect-error: the payload has no country
      return [rows, city, at, payload.country];
    },
    rollback: ({ at, error }) => `${at}: ${error.code}`,
    teardown: ({ resources }) => void resources?.rows,
  });
  expect(isDefinedFunction(typed)).toBe(true);
});

it.each([
  [{ perform }, /name: /],
  [{ name: "", perform }, /name: must be 1 to 255 characters/],
  [{ name: "a\nb", perform }, /name: must be 1 to 255 characters on one line/],
  [{ name: "x" }, /perform: must be a function/],
  [{ name: "x", perform, check: {} }, /check: must be a function/],
  [{ name: "x", perform, timeoutMs: 0 }, /timeoutMs: /],
  [{ name: "x", perform, description: 7 }, /description: /],
  [{ name: "x", perform, input: { type: "object" } }, /input: must be a schema/],
  [{ name: "x", perform, enabled: "yes" }, /enabled: must be true or false/],
  [{ name: "x", perform, teardown: 1 }, /teardown: must be a function/],
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
