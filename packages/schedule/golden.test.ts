import { readFileSync } from "node:fs";
import type { DstRule } from "@belfry/contract/dst.ts";
import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";
import { describe, expect, it } from "vitest";
import { preview } from "./occurrences.ts";
import { parseSchedule } from "./parse-schedule.ts";

type Row = { schedule: string; zone: string; rule: string; after: string; next: string };

/** The tables of golden.md, by their headings. */
function tables(): [heading: string, rows: Row[]][] {
  const [, ...sections] = readFileSync(new URL("./golden.md", import.meta.url), "utf8").split(/^## /m);
  return sections.map((section) => {
    const [heading = "", ...lines] = section.split("\n");
    const [, , ...rows] = lines.filter((line) => line.startsWith("|"));
    return [
      heading,
      rows.map((line) => {
        const [schedule = "", zone = "", rule = "", after = "", next = ""] = line
          .slice(2, -2)
          .split(" | ")
          .map((cell) => cell.trim());
        return { schedule: schedule.slice(1, -1), zone, rule, after, next };
      }),
    ];
  });
}

function ruleOf(text: string): { dst?: DstRule } {
  const match = /^(shift|next|skip)\/(first|last|both)$/.exec(text);
  if (match === null) {
    expect(text).toBe("–");
    return {};
  }
  return { dst: { gap: match[1] as DstRule["gap"], fold: match[2] as DstRule["fold"] } };
}

function occurrencesAfter({ schedule, zone, rule, after, next }: Row): string {
  const input: ScheduleInput = schedule.startsWith("{") ? JSON.parse(schedule) : schedule;
  const parsed = parseSchedule(input, { timezone: zone, anchor: 0, ...ruleOf(rule) });
  const start = Temporal.PlainDateTime.from(after.replace(" ", "T")).toZonedDateTime(zone).epochMilliseconds;
  return preview(parsed, start, next.split(", ").length)
    .map((at) =>
      Temporal.Instant.fromEpochMilliseconds(at)
        .toZonedDateTimeISO(zone)
        .toString({ smallestUnit: "minute", timeZoneName: "never" })
        .replace("T", " "),
    )
    .join(", ");
}

describe("what golden.md says", () => {
  it.each(tables())("%s", (_, rows) => {
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect({ ...row, next: occurrencesAfter(row) }).toEqual(row);
  });
});
