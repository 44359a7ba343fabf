import { expect, it } from "vitest";
import { chartsOf } from "./charts.ts";

const of = (name: string, subject: string, metric: string, value: number) => ({
  name,
  subject,
  metric,
  unit: "",
  value,
});

it("draws a chart of each kind of figures that there are, and none of others", () => {
  const throughput = of("throughput", "belfry on redis", "executions", 5_000);
  expect(chartsOf([throughput]).map(({ file }) => file)).toEqual(["performance-throughput.svg"]);
  const charts = chartsOf([
    { ...throughput, ratio_to: "a" },
    { ...throughput, ratio_to: "b" },
    of("lateness-200", "belfry on redis", "p50", 3),
    of("scale", "belfry with 10 jobs", "p99", 3),
    of("scale", "belfry with 100 jobs", "p99", 4),
  ]);
  expect(charts.map(({ file }) => file)).toEqual([
    "performance-throughput.svg",
    "performance-lateness.svg",
    "performance-growth.svg",
  ]);
  // A figure that stands beside several others is drawn once.
  expect(charts[0]?.svg.match(/belfry on redis/g)).toHaveLength(1);
  expect(charts[2]?.svg).toContain("100 jobs");
});
