import { PRIORITIES, type Priority } from "@belfry/contract/states.ts";
import { expect, it } from "vitest";
import { createLanes } from "./lanes.ts";

/** Lanes with a clock that stands still until it is moved. */
function lanes() {
  let now = 0;
  const { place } = createLanes(() => now);
  const put = (accountId: string, count: number, priority: Priority = "medium", pool = "default") =>
    Array.from({ length: count }, () => place({ pool, accountId, priority }));
  const wait = (seconds: number) => {
    now += seconds * 1_000;
  };
  return { put, wait };
}

it("puts what an account has in small numbers in the order of the priorities", () => {
  const { put } = lanes();
  expect(PRIORITIES.map((priority) => put("a", 1, priority)[0])).toEqual([0, 1, 2, 3, 4]);
});

it("puts a crowd behind all others, the most urgent of it first, each in their order", () => {
  const { put } = lanes();
  const crowd = put("a", 1_000);
  const urgent = put("a", 10, "critical");
  expect(crowd.slice(0, 100)).toEqual(Array(100).fill(2));
  expect(Math.min(...crowd.slice(100))).toBeGreaterThan(Math.max(...urgent));
  expect(Math.min(...urgent)).toBeGreaterThan(Math.max(...put("b", 100, "background")));
  expect(crowd.slice(100)).toEqual(crowd.slice(100).toSorted((a, b) => a - b));
});

it("puts two crowds side by side", () => {
  const { put } = lanes();
  expect(put("b", 500)).toEqual(put("a", 500));
});

it("keeps pools apart", () => {
  const { put } = lanes();
  put("a", 500, "medium", "one");
  expect(put("a", 1, "medium", "other")).toEqual([2]);
});

it("takes an account among the others again some seconds after its crowd has come", () => {
  const { put, wait } = lanes();
  put("a", 50_000);
  wait(5);
  expect(put("a", 1)[0]).toBeGreaterThan(4);
  wait(6);
  expect(put("a", 1)).toEqual([2]);
});

it("names no number that BullMQ does not know", () => {
  const { put } = lanes();
  expect(put("a", 450_000, "background").every((place) => place < 2 ** 21)).toBe(true);
});
