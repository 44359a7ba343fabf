import { expect, it, vi } from "vitest";
import { createSlots } from "./slots.ts";

it("lets in so many, and the next when one leaves, in the order of asking", async () => {
  const slots = createSlots(2);
  expect(await Promise.all([slots.take(0), slots.take(0)])).toEqual([true, true]);
  const letIn: string[] = [];
  const waiting = ["first", "second"].map((name) => slots.take(60_000).then(() => letIn.push(name)));
  expect(slots.free()).toBe(0);
  slots.leave();
  await waiting[0];
  expect(letIn).toEqual(["first"]);
  slots.leave();
  await waiting[1];
  slots.leave();
  slots.leave();
  expect(slots.free()).toBe(2);
});

it("turns away who has waited for as long as it wanted to, and gives its place to others", async () => {
  vi.useFakeTimers();
  const slots = createSlots(1);
  await slots.take(0);
  const impatient = slots.take(1_000);
  const patient = slots.take(5_000);
  vi.advanceTimersByTime(1_000);
  expect(await impatient).toBe(false);
  slots.leave();
  expect(await patient).toBe(true);
  vi.useRealTimers();
});

it("lets nobody in once it is shut", async () => {
  const slots = createSlots(1);
  await slots.take(0);
  const waiting = slots.take(60_000);
  slots.shut();
  expect(await waiting).toBe(false);
  slots.leave();
  expect(await slots.take(60_000)).toBe(false);
});
