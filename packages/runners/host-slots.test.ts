import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import { createHostSlots } from "./host-slots.ts";

const never = new AbortController().signal;

/** Work that ends when it is told to, and notes that it has begun. */
function work(name: string, begun: string[]) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const run = () => {
    begun.push(name);
    return promise;
  };
  return { end: () => resolve(name), fail: () => reject(new Error(name)), run };
}

it("lets so many through at once, and the others in the order of asking", async () => {
  const slots = createHostSlots(2);
  const begun: string[] = [];
  const all = ["a", "b", "c", "d"].map((name) => work(name, begun));
  const done = all.map((one) => slots.hold("x", never, one.run));
  await turn();
  expect(begun).toEqual(["a", "b"]);

  all[1]?.end();
  await turn();
  expect(begun).toEqual(["a", "b", "c"]);
  for (const one of all) one.end();
  expect(await Promise.all(done)).toEqual(["a", "b", "c", "d"]);
});

it("counts each origin by itself", async () => {
  const slots = createHostSlots(1);
  const begun: string[] = [];
  const [a, b] = [work("a", begun), work("b", begun)];
  const done = [slots.hold("x", never, a.run), slots.hold("y", never, b.run)];
  await turn();
  expect(begun).toEqual(["a", "b"]);
  a.end();
  b.end();
  await Promise.all(done);
});

it("goes on after work that fails", async () => {
  const slots = createHostSlots(1);
  const begun: string[] = [];
  const [a, b] = [work("a", begun), work("b", begun)];
  const first = slots.hold("x", never, a.run);
  const second = slots.hold("x", never, b.run);
  a.fail();
  b.end();
  await expect(first).rejects.toThrow("a");
  expect(await second).toBe("b");
});

it("does not begin what is called off before its turn, and does not lose the turn", async () => {
  const slots = createHostSlots(1);
  const begun: string[] = [];
  const [a, b, c] = [work("a", begun), work("b", begun), work("c", begun)];
  const leaving = new AbortController();
  const first = slots.hold("x", never, a.run);
  const second = slots.hold("x", leaving.signal, b.run);
  const third = slots.hold("x", never, c.run);
  leaving.abort(new Error("enough"));
  await expect(second).rejects.toThrow("enough");
  a.end();
  c.end();
  expect(await Promise.all([first, third])).toEqual(["a", "c"]);
  expect(begun).toEqual(["a", "c"]);
  await expect(slots.hold("x", AbortSignal.abort(new Error("before")), b.run)).rejects.toThrow("before");
});

it("does not begin what is called off between its turn and its beginning", async () => {
  for (let microtasks = 0; microtasks < 8; microtasks++) {
    const slots = createHostSlots(1);
    const leaving = new AbortController();
    const a = work("a", []);
    const first = slots.hold("x", never, a.run);
    const second = slots.hold("x", leaving.signal, async () => leaving.signal.aborted).catch(() => "called off");
    const third = slots.hold("x", never, async () => "c");
    a.end();
    for (let n = 0; n < microtasks; n++) await null;
    leaving.abort(new Error("enough"));
    expect(await Promise.all([first, third])).toEqual(["a", "c"]);
    expect(await second).not.toBe(true);
  }
});
