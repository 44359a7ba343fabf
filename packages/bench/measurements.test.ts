import { describe, expect, it } from "vitest";
import { overRounds } from "./measurements.ts";

const common = { name: "throughput", metric: "executions", unit: "1/s" };
const round = (belfry: number, bullmq: number) => [
  { ...common, subject: "belfry", value: belfry, ratio_to: "bullmq" },
  { ...common, subject: "bullmq", value: bullmq },
];

describe("overRounds", () => {
  it("gives the median of each figure, and the median of the ratios within the rounds", () => {
    // The second round ran on a machine that was busy with something else: both were slow, the ratio stayed.
    expect(overRounds([round(5_000, 10_000), round(500, 1_000), round(6_000, 10_000)])).toEqual([
      { ...common, subject: "belfry", value: 5_000, ratio_to: "bullmq", ratio: 0.5 },
      { ...common, subject: "bullmq", value: 10_000 },
    ]);
  });

  it("puts a figure beside several others", () => {
    const value = { ...common, subject: "belfry", value: 6 };
    const others = [3, 12].map((value, i) => ({ ...common, subject: `peer ${i}`, value }));
    const samples = [{ ...value, ratio_to: "peer 0" }, { ...value, ratio_to: "peer 1" }, ...others];
    expect(overRounds([samples]).map(({ ratio }) => ratio)).toEqual([2, 0.5, undefined, undefined]);
  });

  it("gives no ratio when the other was not measured", () => {
    const [alone] = overRounds([round(5_000, 1).slice(0, 1)]);
    expect(alone).not.toHaveProperty("ratio");
  });
});
