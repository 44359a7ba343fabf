import { openTestLedger, type TestLedger } from "@belfry/testing/factories.ts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { tendGates } from "./tend-gates.ts";

let test: TestLedger;
beforeAll(async () => {
  test = await openTestLedger();
});
afterAll(() => test.close());

it("has nothing to do where nothing is limited", async () => {
  expect(await tendGates(test.db)).toEqual({ released: 0, nextInMs: null });
});
