import { expect, it } from "vitest";
import { delayWhileOpen, delayWhileTrying } from "./postpone-delay.ts";

const least = () => 0;
const most = () => 1 - Number.EPSILON;

it.each([
  [0, 0, 500],
  [1_000, 1_000, 1_500],
  [20_000, 20_000, 22_000],
  [300_000, 300_000, 310_000],
  [-50, 0, 500],
])("is until the breaker lets one try, in %d ms, and up to a tenth more", (retryInMs, from, to) => {
  expect([delayWhileOpen(retryInMs, least), delayWhileOpen(retryInMs, most)]).toEqual([from, to]);
});

it.each([
  [1, 500, 1_000],
  [10, 5_000, 10_000],
  [300, 15_000, 30_000],
])("is about as long as a breaker opens first while another one tries: %d s", (openSeconds, from, to) => {
  expect([delayWhileTrying({ openSeconds }, least), delayWhileTrying({ openSeconds }, most)]).toEqual([from, to]);
});
