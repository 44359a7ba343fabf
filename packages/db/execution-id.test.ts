import { describe, expect, it } from "vitest";
import { executionId, leastExecutionId } from "./execution-id.ts";

describe("an execution's id", () => {
  it("is a UUIDv7 of its occurrence's instant", () => {
    // The example of RFC 9562, appendix A.6: 2022-02-22T19:22:22.000Z is 0x017F22E279B0.
    expect(executionId(0x017f22e279b0)).toMatch(/^017f22e2-79b0-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it("is in the order of the occurrences, and never the same twice", () => {
    const ids = Array.from({ length: 1_000 }, (_, i) => executionId(1_700_000_000_000 + i));
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(Array.from({ length: 1_000 }, () => executionId(0))).size).toBe(1_000);
  });

  it("lies within its span of time", () => {
    const at = 1_700_000_000_000;
    expect(leastExecutionId(at) <= executionId(at)).toBe(true);
    expect(executionId(at) < leastExecutionId(at + 1)).toBe(true);
    expect(leastExecutionId(-1)).toBe(leastExecutionId(0));
  });
});
