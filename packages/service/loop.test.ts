import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { createLogger } from "./logger.ts";
import { type Loop, startLoop } from "./loop.ts";

const log = createLogger("test", "silent");
/** So long that only a wake can be what made a loop run again. */
const NEVER_MS = 600_000;

let loops: Loop[] = [];
afterEach(async () => {
  await Promise.all(loops.map((loop) => loop.stop()));
  loops = [];
});

/** A loop that counts its runs, and whose runs do what the test says; without that they end at once. */
function countingLoop(
  options: { everyMs?: number; run?: (n: number, signal: AbortSignal) => Promise<number | void> } = {},
) {
  let runs = 0;
  const loop = startLoop({
    name: "test",
    everyMs: options.everyMs ?? NEVER_MS,
    log,
    async runOnce(signal) {
      runs++;
      return options.run?.(runs, signal);
    },
  });
  loops.push(loop);
  return {
    loop,
    runs: () => runs,
    reached: (n: number) => expect.poll(() => runs, { interval: 1, timeout: 5_000 }).toBeGreaterThanOrEqual(n),
  };
}

describe("a loop", () => {
  it("runs at its start, and again when its period is over", async () => {
    const { loop, reached } = countingLoop({ everyMs: 5 });
    await reached(4);
    expect(loop.lastRunAt()).toBeLessThanOrEqual(performance.now());
  });

  it("runs again as soon as its run asks for it, but not later than its period", async () => {
    const soon = countingLoop({ run: async (n) => (n < 3 ? 1 : NEVER_MS) });
    const capped = countingLoop({ everyMs: 5, run: async () => Number.POSITIVE_INFINITY });
    await Promise.all([soon.reached(3), capped.reached(3)]);
    expect(soon.runs()).toBe(3);
  });

  it("runs at once when it is woken", async () => {
    const { loop, runs, reached } = countingLoop();
    await reached(1);
    await expect.poll(() => loop.lastRunAt()).not.toBeNull();
    loop.wake();
    await reached(2);
    expect(runs()).toBe(2);
  });

  it("runs once more when it is woken while it runs, however often", async () => {
    const hold = Promise.withResolvers<void>();
    const { loop, runs, reached } = countingLoop({ run: (n) => (n === 1 ? hold.promise : Promise.resolve()) });
    for (let i = 0; i < 5; i++) loop.wake();
    hold.resolve();
    await reached(2);
    // Two runs more would be one too many: all five wakes came before the second run began.
    await loop.stop();
    expect(runs()).toBe(2);
  });

  it("loses no wake, at whatever moment of a run it comes", async () => {
    // What a run sees of the world, and what the world has become: a lost wake leaves them apart, for ten minutes.
    let world = 0;
    let seen = 0;
    const { loop } = countingLoop({
      async run(n) {
        seen = world;
        for (let turn = 0; turn < n % 4; turn++) await null;
        if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      },
    });
    for (let change = 1; change <= 2_000; change++) {
      world = change;
      loop.wake();
      for (let turn = 0; turn < change % 7; turn++) await null;
      if (change % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => seen, { interval: 1, timeout: 5_000 }).toBe(2_000);
  });

  it("goes on after a failure, and says so once for many", async () => {
    const lines: string[] = [];
    const heard = createLogger("test", "error", { write: (line) => lines.push(line) });
    let runs = 0;
    const loop = startLoop({
      name: "flaky",
      everyMs: 5,
      log: heard,
      runOnce: async () => {
        if (++runs < 4) throw new Error("no luck");
      },
    });
    loops.push(loop);
    await expect.poll(() => loop.lastRunAt(), { interval: 1, timeout: 5_000 }).not.toBeNull();
    expect(runs).toBeGreaterThanOrEqual(4);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: "error", loop: "flaky", err: { message: "no luck" } },
    ]);
  });

  it("does not count a failure as a run", async () => {
    const { loop, reached } = countingLoop({ everyMs: 1, run: () => Promise.reject(new Error("never works")) });
    await reached(3);
    expect(loop.lastRunAt()).toBeNull();
  });
});

describe("stopping a loop", () => {
  it("waits for the run under way, and begins no other", async () => {
    const hold = Promise.withResolvers<void>();
    const { loop, runs } = countingLoop({ everyMs: 1, run: () => hold.promise });
    let stopped = false;
    const stopping = loop.stop().then(() => {
      stopped = true;
    });
    loop.wake();
    await new Promise((resolve) => setImmediate(resolve));
    expect(stopped).toBe(false);
    hold.resolve();
    await stopping;
    expect(runs()).toBe(1);
  });

  it("tells the run under way, which may end early, and is no failure then", async () => {
    const lines: string[] = [];
    const loop = startLoop({
      name: "patient",
      everyMs: NEVER_MS,
      log: createLogger("test", "trace", { write: (line) => lines.push(line) }),
      async runOnce(signal) {
        await once(signal, "abort");
        throw signal.reason;
      },
    });
    await loop.stop();
    expect(lines).toEqual([]);
  });

  it("does not wait for the period to be over", async () => {
    const { loop, reached } = countingLoop();
    await reached(1);
    await loop.stop();
    await loop.stop();
  });
});
