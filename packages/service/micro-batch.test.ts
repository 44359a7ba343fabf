import { describe, expect, it } from "vitest";
import { createMicroBatch } from "./micro-batch.ts";

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

/** A batcher that doubles numbers and remembers its batches; each batch waits until it is let go. */
function heldBatcher({ maxSize = 100, parallel = 2 }: { maxSize?: number; parallel?: number } = {}) {
  const batches: number[][] = [];
  const holds: PromiseWithResolvers<void>[] = [];
  const batch = createMicroBatch<number, number>({
    maxSize,
    parallel,
    async run(items) {
      batches.push(items);
      const hold = Promise.withResolvers<void>();
      holds.push(hold);
      await hold.promise;
      return items.map((n) => n * 2);
    },
  });
  const underWay = (n: number) => expect.poll(() => holds.length, { interval: 1, timeout: 5_000 }).toBe(n);
  const letGo = async (n: number) => {
    await underWay(n);
    for (const hold of holds) hold.resolve();
  };
  return { batch, batches, holds, underWay, letGo };
}

describe("a micro-batch", () => {
  it("carries calls of one turn together and answers each with its own", async () => {
    const { batch, batches, letGo } = heldBatcher();
    const answers = Promise.all([3, 1, 2].map((n) => batch.add(n)));
    await letGo(1);
    expect(await answers).toEqual([6, 2, 4]);
    expect(batches).toEqual([[3, 1, 2]]);
  });

  it("holds as many as it may, in the order of the calls", async () => {
    const { batch, batches, letGo } = heldBatcher({ maxSize: 4, parallel: 3 });
    const answers = Promise.all(numbers(10).map((n) => batch.add(n)));
    await letGo(3);
    expect(await answers).toEqual(numbers(10).map((n) => n * 2));
    expect(batches).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
  });

  it("gathers what comes while one is under way", async () => {
    const { batch, batches, holds, letGo } = heldBatcher({ parallel: 1 });
    const answers = [batch.add(0)];
    await expect.poll(() => holds.length).toBe(1);
    for (const n of [1, 2, 3]) {
      answers.push(batch.add(n));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(batches).toEqual([[0]]);
    holds[0]?.resolve();
    await letGo(2);
    expect(await Promise.all(answers)).toEqual([0, 2, 4, 6]);
    expect(batches).toEqual([[0], [1, 2, 3]]);
  });

  it("sends another one beside it as soon as it is half full", async () => {
    const { batch, batches, underWay, letGo } = heldBatcher({ maxSize: 4, parallel: 2 });
    const answers = [batch.add(0)];
    await underWay(1);
    answers.push(batch.add(1), batch.add(2));
    await letGo(2);
    expect(await Promise.all(answers)).toEqual([0, 2, 4]);
    expect(batches).toEqual([[0], [1, 2]]);
  });

  it("does not let a few wait for one that is held up, and never has more than so many under way", async () => {
    const { batch, batches, holds, underWay, letGo } = heldBatcher({ parallel: 2 });
    const answers = [batch.add(0)];
    await underWay(1);
    answers.push(batch.add(1));
    await underWay(2);
    answers.push(...numbers(60).map((n) => batch.add(n)));
    await new Promise((resolve) => setImmediate(resolve));
    expect(batches).toEqual([[0], [1]]);
    holds[0]?.resolve();
    await letGo(3);
    expect(await Promise.all(answers)).toEqual([0, 2, ...numbers(60).map((n) => n * 2)]);
    expect(batches).toEqual([[0], [1], numbers(60)]);
  });

  it("fails every call of a batch that fails, and no other", async () => {
    const batch = createMicroBatch<number, number>({
      maxSize: 2,
      parallel: 1,
      run: async (items) => {
        if (items.includes(1)) throw new Error("refused");
        return items;
      },
    });
    const results = await Promise.allSettled(numbers(5).map((n) => batch.add(n)));
    expect(results.map((r) => r.status)).toEqual(["rejected", "rejected", "fulfilled", "fulfilled", "fulfilled"]);
    expect(await batch.add(7)).toBe(7);
  });

  it("fails the calls also when the work throws before it has begun", async () => {
    const batch = createMicroBatch<number, number>({
      maxSize: 2,
      parallel: 1,
      run: () => {
        throw new Error("at once");
      },
    });
    await expect(batch.add(1)).rejects.toThrow("at once");
    await batch.idle();
  });
});

describe("being idle", () => {
  it("is so at the start", async () => {
    await heldBatcher().batch.idle();
  });

  it("waits for what is under way and for what waits", async () => {
    const { batch, holds, underWay, letGo } = heldBatcher({ maxSize: 1, parallel: 1 });
    const answers = [batch.add(1), batch.add(2)];
    let idle = false;
    const untilIdle = batch.idle().then(() => {
      idle = true;
    });
    await underWay(1);
    holds[0]?.resolve();
    await underWay(2);
    expect(idle).toBe(false);
    await letGo(2);
    await untilIdle;
    expect(await Promise.all(answers)).toEqual([2, 4]);
  });
});
