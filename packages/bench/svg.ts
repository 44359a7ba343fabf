import { figure } from "./table.ts";

/** Colours that people with any colour vision can tell apart (Okabe and Ito). */
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999"];
const FONT = 'font-family="system-ui, sans-serif" font-size="12" fill="#222"';
const WIDTH = 760;
const ROW = 26;
const LABELS = 210;
const TOP = 44;

export type Bar = { label: string; value: number };

/** Horizontal bars, each with its figure behind it. Empty text if there is nothing to draw. */
export function barChart({ title, unit, bars }: { title: string; unit: string; bars: readonly Bar[] }): string {
  if (bars.length === 0) return "";
  const longest = Math.max(...bars.map(({ value }) => value));
  const room = WIDTH - LABELS - 110;
  const drawn = bars.map(({ label, value }, i) => {
    const y = TOP + i * ROW;
    const width = longest > 0 ? (value / longest) * room : 0;
    return [
      text(LABELS - 8, y + 16, label, "end"),
      `<rect x="${LABELS}" y="${y + 3}" width="${round(width)}" height="${ROW - 8}" fill="${colour(i)}"/>`,
      text(LABELS + width + 6, y + 16, `${figure(value)} ${unit}`),
    ].join("");
  });
  return svg(TOP + bars.length * ROW + 12, title, drawn);
}

export type Line = { label: string; values: readonly number[] };

const PLOT = { left: 72, right: 270, top: TOP, height: 260, bottom: 34 };

/** Lines over a row of named points, the values on a logarithmic scale; what is no positive number is left out. */
export function lineChart({
  title,
  unit,
  points,
  lines,
}: {
  title: string;
  unit: string;
  points: readonly string[];
  lines: readonly Line[];
}): string {
  const values = lines.flatMap((line) => line.values).filter(isDrawable);
  if (values.length === 0) return "";
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const width = WIDTH - PLOT.left - PLOT.right;
  const x = (i: number) => PLOT.left + (points.length === 1 ? width / 2 : (i * width) / (points.length - 1));
  const y = (value: number) => PLOT.top + PLOT.height * (1 - (Math.log10(value) - low) / (high - low));

  const grid = Array.from({ length: high - low + 1 }, (_, i) => {
    const at = 10 ** (low + i);
    const height = round(y(at));
    const line = `<line x1="${PLOT.left}" x2="${PLOT.left + width}" y1="${height}" y2="${height}" stroke="#ddd"/>`;
    return line + text(PLOT.left - 8, height + 4, `${at >= 1 ? at.toLocaleString("en-US") : at} ${unit}`, "end");
  });
  const names = points.map((point, i) => text(x(i), PLOT.top + PLOT.height + 20, point, "middle"));
  const drawn = lines.map((line, i) => {
    const dots = line.values.flatMap((value, at) => (isDrawable(value) ? [`${round(x(at))},${round(y(value))}`] : []));
    const legend = PLOT.top + 10 + i * 18;
    const side = PLOT.left + width + 20;
    return [
      `<polyline points="${dots.join(" ")}" fill="none" stroke="${colour(i)}" stroke-width="2"/>`,
      ...dots.map((dot) => `<circle cx="${dot.replace(",", '" cy="')}" r="3" fill="${colour(i)}"/>`),
      `<rect x="${side}" y="${legend - 9}" width="12" height="12" fill="${colour(i)}"/>`,
      text(side + 18, legend + 2, line.label),
    ].join("");
  });
  return svg(PLOT.top + PLOT.height + PLOT.bottom, title, [...grid, ...names, ...drawn]);
}

function svg(height: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="12" y="24" ${FONT.replace("12", "15")} font-weight="600">${escaped(title)}</text>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

const text = (x: number, y: number, words: string, anchor: "start" | "middle" | "end" = "start"): string =>
  `<text x="${round(x)}" y="${round(y)}" ${FONT} text-anchor="${anchor}">${escaped(words)}</text>`;

const colour = (i: number): string => COLOURS[i % COLOURS.length] as string;
const round = (value: number): number => Math.round(value * 10) / 10;
const isDrawable = (value: number): boolean => Number.isFinite(value) && value > 0;
const escaped = (words: string): string =>
  words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
