import { describe, expect, it } from "vitest";
import { figure, markdownTable, measurementRows, sparkline, textTable } from "./table.ts";

const rows = [
  ["subject", "value"],
  ["belfry", "5,000 1/s"],
  ["bullmq on redis", "12,345 1/s"],
];

describe("textTable", () => {
  it("aligns words to the left and figures to the right", () => {
    expect(textTable(rows)).toBe(
      [
        "subject               value",
        "---------------  ----------",
        "belfry            5,000 1/s",
        "bullmq on redis  12,345 1/s",
      ].join("\n"),
    );
  });
});

describe("markdownTable", () => {
  it("says the same to a Markdown reader", () => {
    expect(markdownTable(rows).split("\n")).toEqual([
      "| subject         |      value |",
      "| --------------- | ---------: |",
      "| belfry          |  5,000 1/s |",
      "| bullmq on redis | 12,345 1/s |",
    ]);
  });
});

describe("measurementRows", () => {
  it("shows a ratio where there is one", () => {
    const common = { name: "throughput", metric: "executions", unit: "1/s" };
    const measurements = [
      { ...common, subject: "belfry", value: 5_000, ratio_to: "bullmq", ratio: 0.4 },
      { ...common, subject: "bullmq", value: 12_500 },
    ];
    expect(measurementRows(measurements).slice(1)).toEqual([
      ["throughput", "belfry", "executions", "5,000 1/s", "0.40", "bullmq"],
      ["throughput", "bullmq", "executions", "12,500 1/s", "", ""],
    ]);
  });
});

describe("figure", () => {
  it.each([
    [12_345.6, "12,346"],
    [99.44, "99.4"],
    [1.234, "1.23"],
    [0, "0.00"],
    [Number.NaN, "–"],
  ])("shows %d as %s", (value, text) => expect(figure(value)).toBe(text));
});

describe("sparkline", () => {
  it("draws heights as bars, the highest full, none as a gap", () => expect(sparkline([0, 1, 4, 8])).toBe(" ▁▄█"));
  it("draws nothing from nothing", () => expect(sparkline([])).toBe(""));
});
