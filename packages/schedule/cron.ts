import { nextCivil } from "./civil.ts";
import { type CronPattern, compileExpression, normaliseExpression } from "./cron-fields.ts";
import type { DstRule } from "./dst.ts";
import { quote, ScheduleError } from "./errors.ts";
import { MAX_INSTANT } from "./instant.ts";
import { type Segment, segmentAt } from "./zone.ts";

/** Runs when the local time of `timezone` matches. `expression` has 5 fields, or 6 with seconds first. */
export type CronSchedule = { type: "cron"; expression: string; timezone: string; dst?: DstRule };

export const NAMED_CRONS: Readonly<Record<string, string>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
};

/** The calendar makes nobody wait longer than 40 years (29 February on a given weekday, across 2100); twice that and some. */
const SEARCH_MS = 100 * 366 * 86_400_000;

/** A pattern takes about 1 KB and 0.1 ms to compile. */
const MAX_PATTERNS = 20_000;
const patterns = new Map<string, CronPattern>();

/** `0 9 * * 1-5`, `30 0 9 * * *` with seconds, or one of the named ones. Throws ScheduleError, also when no date ever matches. */
export function parseCron(text: string, timezone: string): CronSchedule {
  const name = text.toLowerCase();
  const expression = normaliseExpression((Object.hasOwn(NAMED_CRONS, name) ? NAMED_CRONS[name] : undefined) ?? text);
  const pattern = patternOf(expression, text);
  if (nextCivil(pattern, 0, SEARCH_MS) === null) throw neverRuns(text);
  return { type: "cron", expression, timezone };
}

/**
 * The next instant under the rule of ISC (Vixie) cron for changes of the offset. Wildcard patterns match the local time of each
 * instant: they run in both passes of a repeated hour and skip a missing one. Fixed patterns run once for a local time that
 * comes twice (the first pass) and once, at the first instant after the gap, for all local times that it swallowed.
 */
export function nextCron({ expression, timezone }: CronSchedule, after: number): number | null {
  const pattern = patternOf(expression, expression);
  const limit = Math.min(after + SEARCH_MS, MAX_INSTANT);
  let segment = segmentAt(timezone, after + 1);
  let from = Infinity;
  let civil: number | null = null;

  while (segment.start <= limit) {
    const begin = firstCivil(pattern, segment);
    const previous = from;
    from = segment.start > after ? begin : Math.max(begin, after + 1 + segment.offset);
    // Nothing matches between the last search's start and its find: it still holds unless clocks went back, or jumped over it.
    if (civil === null || from < previous || civil < from) {
      civil = nextCivil(pattern, from, limit + segment.offset);
      if (civil === null) return null;
    }
    // A local time that this segment never showed was swallowed by the gap before it.
    const instant = Math.max(civil - segment.offset, segment.start);
    if (instant < segment.end) return instant <= limit ? instant : null;
    segment = segmentAt(timezone, segment.end);
  }
  return null;
}

/** The local time from which a segment's occurrences count. A job's own choice for gaps and folds will be made here. */
function firstCivil(pattern: CronPattern, segment: Segment): number {
  return pattern.wildcard ? segment.start + segment.offset : segment.shownBefore;
}

export function describeCron({ expression, timezone }: CronSchedule): string {
  return `cron "${expression}" in ${timezone}`;
}

export function neverRuns(text: string): ScheduleError {
  return new ScheduleError("CRON_NEVER_RUNS", `unable to find next run for schedule ${quote(text)}`);
}

function patternOf(expression: string, text: string): CronPattern {
  let pattern = patterns.get(expression);
  if (pattern === undefined) {
    pattern = compileExpression(expression, text);
    const oldest = patterns.size < MAX_PATTERNS ? undefined : patterns.keys().next().value;
    if (oldest !== undefined) patterns.delete(oldest);
    patterns.set(expression, pattern);
  }
  return pattern;
}
