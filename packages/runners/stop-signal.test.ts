import { expect, it } from "vitest";
import { Stop } from "./stop-signal.ts";

/** What whoever listens to it finds when it is told to stop, once and for all. */
it.each([
  ["a Stop", () => new Stop()],
  ["an AbortController", () => new AbortController()],
])("%s tells each listener once, with the first reason", (_, make) => {
  const stop = make();
  const signal = stop instanceof Stop ? stop : stop.signal;
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
