import { expect, it } from "vitest";
import { crowding } from "./crowding.ts";

const of = (accountId: string, count: number) => Array.from({ length: count }, () => ({ accountId }));

it("finds who fills a batch", () => {
  expect(crowding([...of("a", 95), ...of("b", 5)], 100)).toEqual(["a"]);
  expect(crowding([...of("a", 40), ...of("b", 40), ...of("c", 20)], 100)).toEqual(["a", "b"]);
});

it("finds nobody where nobody waits", () => {
  expect(crowding(of("a", 99), 100)).toEqual([]);
  expect(
    crowding(
      Array.from({ length: 100 }, (_, i) => ({ accountId: String(i) })),
      100,
    ),
  ).toEqual([]);
});
