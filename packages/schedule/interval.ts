import { parseDuration } from "./duration.ts";
import { MAX_INSTANT } from "./instant.ts";

/** Runs at anchor + everyMs, anchor + 2 everyMs, … in elapsed time: a change of the zone's offset does not matter. */
export type IntervalSchedule = { type: "interval"; everyMs: number; anchor: number };

const UNITS = { second: "s", minute: "m", hour: "h", day: "d", week: "w" } as const;

/** `15m`, the same as `@every 15m`, `PT15M` or `every 15 minutes`. Throws ScheduleError. */
export function parseInterval(text: string, anchor: number): IntervalSchedule {
  const duration = durationInWords(text) ?? text.replace(/^@every(\s+|$)/i, "");
  return { type: "interval", everyMs: parseDuration(duration), anchor };
}

/** `2h` of `every 2 hours`, `1d` of `each day`; null for other words. */
export function durationInWords(text: string): string | null {
  const [, count = "1", unit] =
    /^(?:every|each)\s+(?:(\d+|other)\s+)?(second|minute|hour|day|week)s?\.?$/i.exec(text.trim()) ?? [];
  if (unit === undefined) return null;
  return `${count.toLowerCase() === "other" ? "2" : count}${UNITS[unit.toLowerCase() as keyof typeof UNITS]}`;
}

/** The same interval with its first run at `start` rather than one interval after its anchor. */
export function startingAt(start: number, { everyMs }: IntervalSchedule): IntervalSchedule {
  return { type: "interval", everyMs, anchor: start - everyMs };
}

/** Counted from the anchor each time, not from the last run, so that it never drifts. */
export function nextInterval({ everyMs, anchor }: IntervalSchedule, after: number): number | null {
  const n = Math.max(1, Math.floor((after - anchor) / everyMs) + 1);
  const next = anchor + n * everyMs;
  return next <= MAX_INSTANT ? next : null;
}
