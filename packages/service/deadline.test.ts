import { expect, it } from "vitest";
import { DeadlineError, withDeadline } from "./deadline.ts";

it("hands on the outcome of what is in time", async () => {
  await expect(withDeadline("work", 10_000, Promise.resolve(7))).resolves.toBe(7);
  await expect(withDeadline("work", 10_000, Promise.reject(new Error("no")))).rejects.toThrow("no");
});

it("does not wait for what is late, and names it", async () => {
  const late = withDeadline("publishing", 10, new Promise<never>(() => undefined));
  await expect(late).rejects.toThrow(new DeadlineError("publishing", 10));
  await expect(late).rejects.toThrow("publishing took longer than 10 ms");
});

it("lets what fails after its deadline fail unheard", async () => {
  const unheard: unknown[] = [];
  const hear = (reason: unknown) => unheard.push(reason);
  process.on("unhandledRejection", hear);
  const work = Promise.withResolvers<void>();
  await expect(withDeadline("work", 1, work.promise)).rejects.toThrow(DeadlineError);
  work.reject(new Error("too late"));
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", hear);
  expect(unheard).toEqual([]);
});

it("leaves no timer behind that would keep the process alive", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  await withDeadline("work", 600_000, Promise.resolve());
  expect(timers()).toBeLessThanOrEqual(before);
});
