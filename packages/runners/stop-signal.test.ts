import { expect, it } from "vitest";
import { abortSignalOf, Stop } from "./stop-signal.ts";

const both = it.each([
  ["a Stop", () => new Stop()],
  ["an AbortController", () => new AbortController()],
]);
const signalOf = (stop: Stop | AbortController) => (stop instanceof Stop ? stop : stop.signal);

both("%s tells each listener once, with the first reason", (_, make) => {
  const stop = make();
  const signal = signalOf(stop);
  const heard: unknown[] = [];
  const leaving = () => heard.push("one that has left");
  signal.addEventListener("abort", () => heard.push("first", signal.aborted, signal.reason));
  signal.addEventListener("abort", leaving);
  signal.addEventListener("abort", () => heard.push("last"));
  signal.removeEventListener("abort", leaving);
  signal.throwIfAborted();

  const reason = new Error("enough");
  stop.abort(reason);
  stop.abort(new Error("more than enough"));
  signal.addEventListener("abort", () => heard.push("one that came too late"));

  expect(heard).toEqual(["first", true, reason, "last"]);
  expect(signal.reason).toBe(reason);
  expect(() => signal.throwIfAborted()).toThrow(reason);
});

both("%s tells the others too when a listener throws, and the error is caught by nobody", async (_, make) => {
  const usual = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const uncaught = new Promise((resolve) => process.once("uncaughtException", resolve));
  try {
    const stop = make();
    const heard: string[] = [];
    signalOf(stop).addEventListener("abort", () => {
      throw new Error("a listener's own");
    });
    signalOf(stop).addEventListener("abort", () => heard.push("last"));
    stop.abort();
    expect(heard).toEqual(["last"]);
    expect(await uncaught).toMatchObject({ message: "a listener's own" });
  } finally {
    for (const listener of usual) process.on("uncaughtException", listener);
  }
});

it("is followed by an AbortSignal for whoever needs one, before and after", () => {
  const stop = new Stop();
  const before = abortSignalOf(stop);
  expect(before.aborted).toBe(false);
  stop.abort("enough");
  for (const signal of [before, abortSignalOf(stop)]) {
    expect(signal).toBeInstanceOf(AbortSignal);
    expect([signal.aborted, signal.reason]).toEqual([true, "enough"]);
  }
  const { signal } = new AbortController();
  expect(abortSignalOf(signal)).toBe(signal);
});
