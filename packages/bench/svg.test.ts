import { describe, expect, it } from "vitest";
import { barChart, lineChart } from "./svg.ts";

const lengths = (svg: string) =>
  [...svg.matchAll(/<rect x="210" [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width));

describe("barChart", () => {
  it("draws bars in proportion, each with its label and figure", () => {
    const svg = barChart({
      title: "Speed",
      unit: "1/s",
      bars: [
        { label: "a <b>", value: 200 },
        { label: "c", value: 50 },
      ],
    });
    const [first = 0, second = 0] = lengths(svg);
    expect(first / second).toBe(4);
    expect(svg).toContain("a &lt;b&gt;");
    expect(svg).toContain("200 1/s");
  });

  it("draws nothing of nothing", () => expect(barChart({ title: "", unit: "", bars: [] })).toBe(""));
});

describe("lineChart", () => {
  const chart = (values: number[]) =>
    lineChart({ title: "Late", unit: "ms", points: ["p50", "p99"], lines: [{ label: "one", values }] });

  it("puts ten times as much one step of the scale higher", () => {
    const heights = [...chart([1, 10]).matchAll(/<circle cx="[\d.]+" cy="([\d.]+)"/g)].map(([, y]) => Number(y));
    expect(heights).toEqual([304, 44]);
  });

  it("leaves out what is no figure", () => {
    expect(chart([Number.NaN, 5]).match(/<circle/g)).toHaveLength(1);
    expect(chart([Number.NaN, 0])).toBe("");
  });
});
