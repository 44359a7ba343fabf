import { expect, it } from "vitest";
import { onPaper } from "./on-paper.ts";

const of = (metric: string, value: number) => ({
  name: "throughput",
  subject: "belfry on redis",
  metric,
  unit: "",
  value,
});

it("multiplies what was measured, and says nothing of what was not", () => {
  const [heading, table] = onPaper([of("CPU of redis each", 60), of("log (WAL) of postgres each", 2_000)]);
  expect(heading).toContain("100,000 a second");
  expect(table?.split("\n").slice(2)).toEqual([
    expect.stringMatching(/^\| CPU of redis +\| +60.0 µs \| +6.00 cores \|$/),
    expect.stringMatching(/^\| log of postgres +\| +2,000 B \| +200 MB\/s \|$/),
  ]);
  expect(onPaper([])).toEqual([]);
});
