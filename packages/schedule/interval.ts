import { parseDuration } from "./duration.ts";
import { MAX_INSTANT } from "./instant.ts";

/** Runs at anchor + everyMs, anchor + 2 everyMs, … in elapsed time: a change of the zone's offset does not matter. */
export type IntervalSchedule = { type: "interval"; everyMs: number; anchor: number };

/** `15m`, the same as `@every 15m`, or `PT15M`. Throws ScheduleError. */
export function parseInterval(text: string, anchor: number): IntervalSchedule {
  return { type: "interval", everyMs: parseDuration(text.replace(/^@every(\s+|$)/i, "")), anchor };
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
