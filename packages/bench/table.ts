import type { Measurement } from "./measurements.ts";

/** Rows of cells in columns; the first row is the head. Columns in which every cell is a number stand to the right. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const { widths, right } = layout(rows);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => pad(cell, widths[i], right[i]))
      .join("  ")
      .trimEnd();
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((w) => "-".repeat(w))), ...body.map(line)].join("\n");
}

/** The same as a Markdown table, laid out as the formatter of this repository would. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const { widths: given, right } = layout(rows);
  const widths = given.map((width) => Math.max(width, 3));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => pad(cell, widths[i], right[i])).join(" | ")} |`;
  const [head = [], ...body] = rows;
  const rule = widths.map((width, i) => (right[i] ? `${"-".repeat(width - 1)}:` : "-".repeat(width)));
  return [line(head), line(rule), ...body.map(line)].join("\n");
}

/** The figures as rows of text, the head first. */
export function measurementRows(measurements: readonly Measurement[]): string[][] {
  return [
    ["case", "subject", "metric", "value", "ratio", "to"],
    ...measurements.map((m) => [
      m.name,
      m.subject,
      m.metric,
      `${figure(m.value)} ${m.unit}`.trimEnd(),
      m.ratio === undefined ? "" : m.ratio.toFixed(2),
      m.ratio === undefined ? "" : (m.ratio_to ?? ""),
    ]),
  ];
}

/** Heights as one line of bars, the highest a full one. */
export function sparkline(heights: readonly number[]): string {
  const bars = "▁▂▃▄▅▆▇█";
  const highest = Math.max(...heights, 1);
  return heights.map((h) => (h <= 0 ? " " : bars[Math.ceil((h / highest) * bars.length) - 1])).join("");
}

/** Three digits or more: `12,345`, `123`, `12.3`, `1.23`. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const decimals = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

function layout(rows: readonly (readonly string[])[]): { widths: number[]; right: boolean[] } {
  const columns = rows[0]?.map((_, i) => rows.map((row) => row[i] ?? "")) ?? [];
  return {
    widths: columns.map((cells) => Math.max(...cells.map((cell) => cell.length))),
    right: columns.map(
      ([, ...body]) => body.length > 0 && body.every((cell) => /^(|–.*|-?[\d,.]+( \S+)?)$/.test(cell)),
    ),
  };
}

const pad = (cell: string, width = 0, right = false): string => (right ? cell.padStart(width) : cell.padEnd(width));
