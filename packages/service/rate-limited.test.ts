import { expect, it } from "vitest";
import { rateLimited } from "./rate-limited.ts";

it("drops what comes too soon after the last call", () => {
  const calls: number[] = [];
  const limited = rateLimited((n: number) => calls.push(n), 60_000);
  for (const n of [1, 2, 3]) limited(n);
  expect(calls).toEqual([1]);
});

it("lets a call through when its time has come", async () => {
  const calls: number[] = [];
  const limited = rateLimited((n: number) => calls.push(n), 5);
  let n = 0;
  const callAgain = () => {
    limited(++n);
    return calls.length;
  };
  await expect.poll(callAgain, { interval: 1, timeout: 5_000 }).toBeGreaterThanOrEqual(3);
});
