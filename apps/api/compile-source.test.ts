import { afterEach, beforeEach, expect, it } from "vitest";
import { createSourceCompiler, type SourceCompiler } from "./compile-source.ts";

const FINE = "export function handler() {}";
const HANGS = "export function handler() {} for (;;);";

let compiler: SourceCompiler;
beforeEach(() => {
  compiler = createSourceCompiler();
});
afterEach(() => compiler.close());

const never = new AbortController().signal;
const compile = (account: string, source: string, signal = never) =>
  compiler.compile(account, source, "javascript", signal);
/** What became of each, for those that are not waited for. */
const codeOf = (compiling: Promise<unknown>): Promise<string> =>
  compiling.then(
    () => "compiled",
    (error: { code?: string }) => String(error.code),
  );

it("compiles one source of an account at a time, beside those of others", async () => {
  let refused = 0;
  const hanging = Array.from({ length: 3 }, () => codeOf(compile("a", HANGS)).finally(() => (refused += 1)));
  await compile("b", FINE);
  await compile("b", FINE);
  expect(refused).toBeLessThan(3);
  expect(await Promise.all(hanging)).toEqual(["SOURCE_INVALID", "SOURCE_INVALID", "SOURCE_INVALID"]);
});

it("lets so many of an account wait, and of others nonetheless", async () => {
  const codes = Promise.all(Array.from({ length: 12 }, () => codeOf(compile("a", FINE))));
  expect(await codeOf(compile("b", FINE))).toBe("compiled");
  const tooMany = (await codes).filter((code) => code === "TOO_MANY_UPLOADS");
  expect([tooMany.length, (await codes).filter((code) => code === "compiled").length]).toEqual([2, 10]);
  expect(await codeOf(compile("a", FINE))).toBe("compiled");
});

it("gives up on a source whose turn does not come", async () => {
  await compiler.close();
  compiler = createSourceCompiler({ maxWaitMs: 300 });
  // The first ones may wait for the processes to start.
  await expect.poll(() => codeOf(compile("a", FINE)), { timeout: 20_000 }).toBe("compiled");
  const [first, second] = [codeOf(compile("a", HANGS)), codeOf(compile("a", FINE))];
  expect(await second).toBe("COMPILER_BUSY");
  expect(await first).toBe("SOURCE_INVALID");
});

it("does not compile what nobody waits for any more", async () => {
  const gone = new AbortController();
  const first = codeOf(compile("a", HANGS));
  const second = compile("a", FINE, gone.signal);
  gone.abort(new Error("gone"));
  await expect(second).rejects.toThrow("gone");
  expect(await first).toBe("SOURCE_INVALID");
});
