import { expect, it } from "vitest";
import { chaos } from "./run-chaos.ts";

it("sees what a pause leaves behind, and a verdict of somebody who had lost the claim", async () => {
  const { code, output } = await chaos(
    "--seed",
    "7",
    "--plant",
    "pause-leaves-pending",
    "--plant",
    "verdict-of-anybody",
  );
  expect(output).toMatch(/^PASS: 2 of 2 caught$/m);
  expect(code).toBe(0);
});
