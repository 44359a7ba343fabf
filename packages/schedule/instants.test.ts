import { describe, expect, it } from "vitest";
import { describeInstants, nextInstant } from "./instants.ts";

describe("nextInstant", () => {
  it("gives each once, and then none", () => {
    const schedule = { type: "instants", at: [10, 20, 30] } as const;
    const next = (after: number) => nextInstant({ ...schedule, at: [...schedule.at] }, after);
    expect([-1, 9, 10, 19, 20, 29, 30, 99].map(next)).toEqual([10, 10, 20, 20, 30, 30, null, null]);
  });
});

describe("describeInstants", () => {
  it("says how many there are and when", () => {
    expect(describeInstants({ type: "instants", at: [0] })).toBe("once at 1970-01-01T00:00:00.000Z");
    expect(describeInstants({ type: "instants", at: [0, 1_000, 86_400_000] })).toBe(
      "at 3 instants from 1970-01-01T00:00:00.000Z to 1970-01-02T00:00:00.000Z",
    );
  });
});
