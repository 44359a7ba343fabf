import type { Chart } from "./charts.ts";
import type { Measurement } from "./measurements.ts";
import { onPaper } from "./on-paper.ts";
import { CASES, type CaseName } from "./options.ts";
import { markdownTable, measurementRows } from "./table.ts";

const BEGIN = "<!-- bench:begin, written by `npm run bench -- --docs` -->";
const END = "<!-- bench:end -->";

/** What docs hold of a case: its figures, and where and how they were measured. */
export type KeptCase = { figures: Measurement[]; conditions: string };
export type Kept = { [name in CaseName]?: KeptCase };

const CHARTS: { [name in CaseName]?: string } = {
  throughput: "performance-throughput.svg",
  lateness: "performance-lateness.svg",
  scale: "performance-growth.svg",
};

/** What was kept, with the cases of this run in place of what they were. */
export function keep(kept: Kept, figures: readonly Measurement[], conditions: string): Kept {
  const names = Object.keys(CASES) as CaseName[];
  const measured = names.flatMap((name) => {
    const parts: readonly string[] = [name, ...CASES[name]];
    const own = figures.filter((figure) => parts.includes(figure.name));
    // A run of one part leaves the others, which are told under the conditions of the newest.
    const others = (kept[name]?.figures ?? []).filter((old) => !own.some((figure) => figure.name === old.name));
    return own.length === 0 ? [] : [[name, { figures: [...others, ...own], conditions }] as const];
  });
  return { ...kept, ...Object.fromEntries(measured) };
}

/** A table for each case, and its chart. */
export function sectionOf(kept: Kept, charts: readonly Chart[]): string {
  const parts = (Object.keys(CASES) as CaseName[]).flatMap((name) => {
    const found = kept[name];
    if (!found) return [];
    const chart = charts.find(({ file }) => file === CHARTS[name]);
    const [head = [], ...rows] = measurementRows(found.figures);
    // The case is said by the heading, but for parts of one.
    const table = CASES[name].length > 0 ? [head, ...rows] : [head, ...rows].map(([, ...cells]) => cells);
    return [
      `### ${name}`,
      ...(chart ? [`![${chart.alt}](${chart.file})`] : []),
      markdownTable(table),
      found.conditions,
      ...(name === "throughput" ? onPaper(found.figures) : []),
    ];
  });
  return parts.length === 0 ? "Nothing was measured yet." : parts.join("\n\n");
}

/** The text with what stands between the two marks replaced. Throws if the marks are not there. */
export function replaceGenerated(text: string, section: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`docs/performance.md needs the lines\n${BEGIN}\n${END}`);
  return `${text.slice(0, begin + BEGIN.length)}\n\n${section}\n\n${text.slice(end)}`;
}
