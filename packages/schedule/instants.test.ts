import { describe, expect, it } from "vitest";
import { nextInstant } from "./instants.ts";

describe("nextInstant", () => {
  it("gives each once, and then none", () => {
    const schedule = { type: "instants", at: [10, 20, 30] } as const;
    const next = (after: number) => nextInstant({ ...schedule, at: [...schedule.at] }, after);
    expect([-1, 9, 10, 19, 20, 29, 30, 99].map(next)).toEqual([10, 10, 20, 20, 30, 30, null, null]);
  });
});
