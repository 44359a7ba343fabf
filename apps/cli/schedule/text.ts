import type { SchedulePreview } from "@belfry/contract/schedule-preview.ts";
import { table } from "../table.ts";

type Outage = NonNullable<SchedulePreview["outage"]>;

const VERDICTS = { runs_on_time: "runs on time", runs_late: "runs late", skipped: "is skipped (misfire)" };

/** A table: local time, UTC, notes. */
export function occurrencesText({ timezone, occurrences, is_complete }: SchedulePreview): string {
  const rows = occurrences.map(({ at, local, notes }) => [localTime(local), utc(at), notes.join("; ")]);
  const shown = rows.length === 0 ? "no occurrence\n" : table([[`LOCAL (${timezone})`, "UTC", "NOTES"], ...rows]);
  return is_complete ? shown : `${shown}and perhaps more, which would take too long to find\n`;
}

/** The sentence, the table, what was left out and why, and what an outage would do. */
export function explanationText(preview: SchedulePreview): string {
  return [
    [preview.description, ...preview.notes].map((line) => `${line}\n`).join(""),
    occurrencesText(preview),
    ...droppedText(preview),
    ...(preview.outage ? [outageText(preview.outage)] : []),
  ].join("\n");
}

function droppedText({ dropped, dropped_is_complete }: SchedulePreview): string[] {
  if (dropped.length === 0) return dropped_is_complete ? [] : ["what is left out would take too long to find\n"];
  const rows = dropped.map(({ at, until, local, count, reason }) => [
    localTime(local),
    until === at ? utc(at) : `${utc(at)} … ${utc(until)}`,
    String(count),
    reason,
  ]);
  const more = dropped_is_complete ? "" : "and perhaps more\n";
  return [`${table([["LEFT OUT", "UTC", "COUNT", "WHY"], ...rows])}${more}`];
}

function outageText({ summary, rows }: Outage): string {
  const lines = rows.map(({ scheduled_for, scheduled_until, occurrences, verdict }) => [
    scheduled_until === scheduled_for ? utc(scheduled_for) : `${utc(scheduled_for)} … ${utc(scheduled_until)}`,
    String(occurrences),
    VERDICTS[verdict],
  ]);
  const shown = lines.length === 0 ? "" : table([["DUE IN THE OUTAGE (UTC)", "COUNT", "WHAT BECOMES OF IT"], ...lines]);
  return `${shown}${summary}\n`;
}

/** `Sun 2026-03-08 03:30:00 -04:00`, of what the API answers. */
function localTime(text: string): string {
  const time = Temporal.ZonedDateTime.from(text);
  const weekday = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][time.dayOfWeek - 1];
  return `${weekday} ${time.toPlainDate()} ${time.toPlainTime()} ${time.offset}`;
}

const utc = (at: string): string => at.replace(".000Z", "Z");
