import { RRuleTemporal } from "rrule-temporal";
import { toText } from "rrule-temporal/totext";
import { dateWords, instantText } from "./describe-words.ts";
import { formatDuration } from "./duration.ts";
import type { InstantsSchedule } from "./instants.ts";
import type { IntervalSchedule } from "./interval.ts";
import type { OnceSchedule } from "./once.ts";
import type { RruleSchedule } from "./rrule.ts";
import { instantAt } from "./rrule-days.ts";
import { listed } from "./words.ts";

const HOUR_MS = 3_600_000;
/** Each up to where the next longer one would have to be said as well. */
const UNITS = [
  { name: "day", ms: 24 * HOUR_MS, below: Infinity },
  { name: "hour", ms: HOUR_MS, below: 100 * HOUR_MS },
  { name: "minute", ms: 60_000, below: HOUR_MS },
  { name: "second", ms: 1_000, below: 60_000 },
];

/** `Every 15 minutes`, `Every 1h30m from 2026-01-01T09:00:00Z`: with longer ones it matters when they began. */
export function describeInterval({ everyMs, anchor }: IntervalSchedule): string {
  const first = everyMs < HOUR_MS ? "" : ` from ${instantText(anchor + everyMs)}`;
  return `Every ${span(everyMs)}${first}`;
}

function span(ms: number): string {
  // A day of an interval is 24 hours, whatever the clocks do.
  if (ms === 24 * HOUR_MS) return "24 hours";
  const unit = UNITS.find((candidate) => ms % candidate.ms === 0);
  if (unit === undefined || ms >= unit.below) return formatDuration(ms);
  return ms === unit.ms ? unit.name : `${ms / unit.ms} ${unit.name}s`;
}

export function describeOnce({ at }: OnceSchedule): string {
  return `Once at ${instantText(at)}`;
}

export function describeInstants({ at }: InstantsSchedule): string {
  if (at.length === 0) return "Never";
  if (at.length <= 3) return `At ${listed(at.map(instantText))}`;
  return `At ${at.length} instants from ${instantText(at[0] ?? 0)} to ${instantText(at.at(-1) ?? 0)}`;
}

/** In the library's words, or else the rule itself. */
export function describeRrule({ rule, start, timezone }: RruleSchedule): string {
  const lines = rule.split("\n");
  const of = (name: string) => lines.find((line) => line.startsWith(name))?.slice(name.length);
  const recurrence = of("RRULE:") ?? rule;
  const added = of("RDATE:")?.split(",").length ?? 0;
  const excluded = of("EXDATE:")?.split(",").length ?? 0;
  const parts = [
    recurrenceWords(recurrence, start, timezone) ?? `By the rule ${recurrence}`,
    timezone,
    `from ${dateWords(start.slice(0, 10))}`,
    added > 0 ? `and ${counted(added, "further instant")}` : "",
    excluded > 0 ? `except for ${counted(excluded, "instant")}` : "",
  ];
  return parts.filter((part) => part !== "").join(", ");
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

function recurrenceWords(rule: string, start: string, timezone: string): string | undefined {
  // What the library's text leaves out.
  if (/BYSETPOS=(?!-?1(?:;|$))|BYSECOND|BYYEARDAY|WKST|BYEASTER|RSCALE/.test(rule)) return undefined;
  try {
    // A start that the clocks skip is put off by its own day only; what is said is the time of all others.
    const isSkipped = instantAt(Date.parse(`${start}Z`), timezone) === null;
    const dtstart = Temporal.PlainDateTime.from(start).toZonedDateTime(isSkipped ? "UTC" : timezone);
    const text = toText(new RRuleTemporal({ rruleString: rule, dtstart }), "en", { excludeTzAbbreviation: true });
    return text.replace(/^e/, "E").replace(/\b(\d{1,2})(?::(\d{2}))?(?::(\d{2}))? ([AP])M\b/g, clock24);
  } catch {
    return undefined;
  }
}

function clock24(_: string, hour: string, minute = "00", second: string | undefined, half: string): string {
  const hours = (Number(hour) % 12) + (half === "P" ? 12 : 0);
  return [String(hours).padStart(2, "0"), minute, ...(second ? [second] : [])].join(":");
}
