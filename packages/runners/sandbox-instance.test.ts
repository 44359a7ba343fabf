import { expect, it } from "vitest";
import { type Outside, openInstance } from "./sandbox-instance.ts";

const outside: Outside = {
  log: () => undefined,
  fetch: () => undefined,
  answered: () => undefined,
  failed: () => undefined,
  interrupts: () => false,
};
const MEMORY = 32 * 1024 * 1024;

it("is after a call what it was before, to the last byte", async () => {
  const { context, begin, bytes, restore } = await openInstance();
  const before = bytes().slice();
  for (let i = 0; i < 3; i++) {
    begin(outside, MEMORY);
    const code = `globalThis.kept = Array.from({ length: 20000 }, (_, i) => "secret " + i + ${i});
      globalThis.block = new Uint8Array(4 * 1024 * 1024).fill(7); Array.prototype.x = 1; kept.length`;
    expect(context.dump(context.unwrapResult(context.evalCode(code)))).toBe(20_000);
    expect(Buffer.compare(bytes(), before)).not.toBe(0);
    expect(restore()).toBe(true);
    expect(Buffer.compare(bytes(), before)).toBe(0);
  }
});

it("is not to be used again once its memory has grown", async () => {
  const { context, begin, restore } = await openInstance();
  begin(outside, MEMORY);
  context.unwrapResult(context.evalCode("globalThis.kept = new Uint8Array(24 * 1024 * 1024)"));
  expect(restore()).toBe(false);
});
