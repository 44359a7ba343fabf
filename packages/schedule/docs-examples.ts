import { SCHEDULE_EXAMPLES, type ScheduleExample } from "./examples.ts";
import { preview } from "./occurrences.ts";
import { parseSchedule } from "./parse-schedule.ts";

const BEGIN = "<!-- examples:begin, written by `npm run docs:schedules` -->";
const END = "<!-- examples:end -->";
const HEADING = ["written", "in", "made at", "meaning", "next five instants"];

/** The page with a table of every documented example between the two marks. Throws if they are not there. */
export function withExamples(page: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`docs/schedules.md needs the lines\n${BEGIN}\n${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${examplesText()}\n\n${page.slice(end)}`;
}

function examplesText(): string {
  return Object.entries(SCHEDULE_EXAMPLES)
    .map(([title, examples]) => `### ${title}\n\n${markdownTable([HEADING, ...examples.map(cells)])}`)
    .join("\n\n");
}

function cells({ written, timezone, from, meaning }: ScheduleExample): string[] {
  const made = Date.parse(from);
  const runs = preview(parseSchedule(written, { timezone, anchor: made }), made, 5);
  const text = typeof written === "string" ? written : JSON.stringify(written, null, 1).replaceAll(/\n */g, " ");
  return [`\`${text.replaceAll("\n", "\\n")}\``, timezone, from, meaning, runs.map(instantText).join("<br>")];
}

const instantText = (instant: number): string => new Date(instant).toISOString().replace(".000Z", "Z");

/** As wide as its widest cells, which is how the formatter has it. */
function markdownTable(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const [heading = [], ...others] = rows;
  return [line(heading), line(widths.map((width) => "-".repeat(width))), ...others.map(line)].join("\n");
}
