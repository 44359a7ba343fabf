import { describe, expect, it } from "vitest";
import { median, percentile } from "./percentiles.ts";

const oneTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe("percentile", () => {
  it("is the value that so many percent do not exceed", () => {
    expect(percentile(oneTo(100), 50)).toBe(50);
    expect(percentile(oneTo(100), 99)).toBe(99);
    expect(percentile(oneTo(100), 100)).toBe(100);
  });

  it("is always one of the values", () => {
    expect(percentile([7], 99)).toBe(7);
    expect(percentile([1, 1000], 50)).toBe(1);
    expect(percentile([1, 1000], 51)).toBe(1000);
  });

  it("sorts as numbers, negative ones too", () => {
    expect(percentile([10, 9, -1, 100], 25)).toBe(-1);
    expect(percentile([10, 9, -1, 100], 75)).toBe(10);
  });

  it("is NaN without values", () => {
    expect(percentile([], 50)).toBeNaN();
  });
});

describe("median", () => {
  it("is the middle one", () => expect(median([3, 1, 20])).toBe(3));
  it("is the mean of the middle two", () => expect(median([4, 1, 2, 30])).toBe(3));
  it("is NaN without values", () => expect(median([])).toBeNaN());
});
