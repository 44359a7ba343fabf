import { expect, it } from "vitest";
import { chaos } from "./run-chaos.ts";

it("keeps every promise for two minutes in which more than twenty things break", async () => {
  const { code, output } = await chaos("--minutes", "2", "--seed", "7", "--rate", "30");
  expect(output).toMatch(/^PASS$/m);
  expect(code).toBe(0);
  const [, faults, kinds] = /^faults +(\d+) of (\d+) kinds/m.exec(output) ?? [];
  expect(Number(faults)).toBeGreaterThanOrEqual(20);
  expect(Number(kinds)).toBeGreaterThanOrEqual(12);
});
