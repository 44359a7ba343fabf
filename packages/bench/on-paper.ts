import type { Measurement } from "./measurements.ts";
import { figure, markdownTable } from "./table.ts";

const TARGET = 100_000;
const SUBJECT = "belfry on redis";

/** What 100,000 executions a second would take, if each cost what it cost in this run. Empty without the figures. */
export function onPaper(figures: readonly Measurement[]): string[] {
  const each = (metric: string) => figures.find((f) => f.subject === SUBJECT && f.metric === metric)?.value;
  const rows = [
    ...["scheduler", "workers", "postgres", "redis"].map((part) =>
      row(`CPU of ${part}`, each(`CPU of ${part} each`), "µs", (us) => `${figure((us * TARGET) / 1e6)} cores`),
    ),
    row(
      "log of postgres",
      each("log (WAL) of postgres each"),
      "B",
      (bytes) => `${figure((bytes * TARGET) / 1e6)} MB/s`,
    ),
    row("transactions of postgres", each("transactions of postgres each"), "", (n) => `${figure(n * TARGET)} 1/s`),
  ].flat();
  if (rows.length === 0) return [];
  return [
    "#### 100,000 a second, by these figures",
    markdownTable([["what", "measured, each", `at ${TARGET.toLocaleString("en-US")} a second`], ...rows]),
  ];
}

function row(what: string, value: number | undefined, unit: string, scaled: (value: number) => string): string[][] {
  return value === undefined ? [] : [[what, `${figure(value)} ${unit}`.trimEnd(), scaled(value)]];
}
