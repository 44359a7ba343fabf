import type { StopSignal } from "@belfry/runners/stop-signal.ts";
import { expect, it } from "vitest";
import { createRunning, StopReason } from "./running.ts";

/** Work that ends when it is stopped, and says why it was. */
const untilStopped = (reasons: unknown[]) => (signal: StopSignal) =>
  new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => {
      reasons.push(signal.reason);
      resolve();
    });
  });

it("stops the one that is meant, with the reason", async () => {
  const running = createRunning();
  const [one, other]: [unknown[], unknown[]] = [[], []];
  const works = [running.track("one", untilStopped(one)), running.track("other", untilStopped(other))];
  const reason = new StopReason("CANCELLED", "cancelled while it ran");
  running.stop("one", reason);
  running.stop("nobody", reason);
  await works[0];
  expect([one, other, running.count()]).toEqual([[reason], [], 1]);
  running.stopAll(new StopReason("WORKER_STOPPED", "over"));
  await running.idle();
  expect(other).toMatchObject([{ code: "WORKER_STOPPED" }]);
  await Promise.all(works);
});

it("is idle when the last one has ended, however it ended", async () => {
  const running = createRunning();
  await running.idle();
  const hold = Promise.withResolvers<void>();
  const failing = running.track("failing", () => hold.promise);
  let idle = false;
  const untilIdle = running.idle().then(() => {
    idle = true;
  });
  await null;
  expect(idle).toBe(false);
  hold.reject(new Error("no"));
  await expect(failing).rejects.toThrow("no");
  await untilIdle;
  expect(running.count()).toBe(0);
});

it("keeps a later attempt of the same execution stoppable when the earlier one ends", async () => {
  const running = createRunning();
  const hold = Promise.withResolvers<void>();
  const reasons: unknown[] = [];
  const earlier = running.track("same", () => hold.promise);
  const later = running.track("same", untilStopped(reasons));
  hold.resolve();
  await earlier;
  running.stop("same", new StopReason("CANCELLED", ""));
  await later;
  expect(reasons).toHaveLength(1);
});
