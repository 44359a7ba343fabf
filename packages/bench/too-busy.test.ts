import { describe, expect, it } from "vitest";
import { TooBusy, unlessTooBusy } from "./too-busy.ts";

const failing = (times: number, error: Error) => {
  let calls = 0;
  return async () => {
    if (++calls <= times) throw error;
    return calls;
  };
};

describe("unlessTooBusy", () => {
  it("measures again, and says so", async () => {
    const notes: string[] = [];
    expect(await unlessTooBusy(failing(2, new TooBusy("belfry")), (line) => notes.push(line))).toBe(3);
    expect(notes).toEqual(Array(2).fill(expect.stringMatching(/^belfry: .* too busy: once more$/)));
  });

  it("gives up in the end, and at once when a ledger is wrong", async () => {
    await expect(unlessTooBusy(failing(3, new TooBusy("x")), () => undefined)).rejects.toThrow(TooBusy);
    await expect(unlessTooBusy(failing(1, new Error("the ledger is not right")), () => undefined)).rejects.toThrow(
      "ledger",
    );
  });
});
