import { getEventListeners } from "node:events";
import type { StopSignal } from "@belfry/runners/stop-signal.ts";
import { expect, it } from "vitest";
import { limitAttempt } from "./limit-attempt.ts";
import { StopReason } from "./running.ts";

/** Work that ends only when it is stopped, and gives the reason. */
const untilStopped = (signal: StopSignal) =>
  new Promise<unknown>((resolve) => signal.addEventListener("abort", () => resolve(signal.reason)));
const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
const never = new AbortController().signal;

it("stops the work with TIMEOUT once the limit has passed", async () => {
  const start = performance.now();

  expect(await limitAttempt(30, never, untilStopped)).toMatchObject({
    code: "TIMEOUT",
    message: "the attempt took longer than its limit of 30 ms",
  });
  expect(performance.now() - start).toBeGreaterThan(25);
});

it.each([[null], [60_000]])("stops the work with the worker's own reason before: limit %o", async (limitMs) => {
  const worker = new AbortController();
  const reason = new StopReason("CANCELLED", "cancelled while it ran");
  const stopped = limitAttempt(limitMs, worker.signal, untilStopped);
  worker.abort(reason);

  expect(await stopped).toBe(reason);
});

it("gives work that was stopped before a signal that is aborted", async () => {
  expect(await limitAttempt(60_000, AbortSignal.abort(), async (signal) => signal.aborted)).toBe(true);
});

it("leaves no timer and no listener behind, however the work ends", async () => {
  const [worker, before] = [new AbortController(), timers()];
  const within = await limitAttempt(60_000, worker.signal, async () => timers());
  const failing = limitAttempt(60_000, worker.signal, () => Promise.reject(new Error("no")));
  await expect(failing).rejects.toThrow("no");

  expect(within).toBe(before + 1);
  expect(timers()).toBe(before);
  expect(getEventListeners(worker.signal, "abort")).toEqual([]);
});
