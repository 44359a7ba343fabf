import type { DstRule } from "@belfry/contract/dst.ts";
import { type CivilPattern, DAY_MS, nextCivil } from "./civil.ts";
import { MAX_INSTANT } from "./instant.ts";
import { type Segment, segmentAt } from "./zone.ts";

/**
 * A local time that its zone's clocks always jump over comes never if it is to be skipped (02:30 on the second Sunday of March, in
 * New York). So many segments hold 30 misses in a row and more, and no rule of any zone and calendar makes anybody wait for so long.
 */
const MAX_SEGMENTS = 100;

/** No local time is further from UTC than this, nor is any longer repeated or skipped. */
const WIDEST_OFFSET_MS = 2 * DAY_MS;

/** The first instant strictly after `after` at which the local time of a zone matches under a rule, or null. */
export function nextLocal(pattern: CivilPattern, rule: DstRule, timezone: string, after: number): number | null {
  let segment = segmentAt(timezone, after + 1);
  let from = Infinity;
  let civil: number | null = null;

  for (let visited = 0; visited < MAX_SEGMENTS && segment.start <= MAX_INSTANT; visited++) {
    const { start, end, offset, shownAgainFrom } = segment;
    const begin = firstCivil(rule, segment);
    const previous = from;
    from = start > after ? begin : Math.max(begin, after + 1 + offset);
    // Nothing matches between the last search's start and its find: it still holds unless clocks went back, or jumped over it.
    if (civil === null || from < previous || civil < from) {
      civil = nextCivil(pattern, from, MAX_INSTANT + offset);
      if (civil === null) return null;
    }
    // A local time that this segment never showed was swallowed by the gap before it.
    let instant = Math.max(civil - offset, start);
    if (rule.fold === "last" && civil >= shownAgainFrom) instant = Infinity;
    if (rule.gap === "shift") instant = Math.min(instant, nextShifted(pattern, segment, after));
    if (instant < end) return instant <= MAX_INSTANT ? instant : null;

    // What is years ahead is not looked for segment by segment, once it is sure that nothing before it is repeated.
    const far = from <= shownAgainFrom && civil - end > 2 * WIDEST_OFFSET_MS;
    segment = segmentAt(timezone, far ? civil - WIDEST_OFFSET_MS : end);
  }
  return null;
}

/** The local time from which a segment's occurrences count. */
function firstCivil({ gap, fold }: DstRule, { start, offset, shownBefore }: Segment): number {
  const shown = start + offset;
  if (shown < shownBefore) return fold === "first" ? shownBefore : shown;
  return gap === "next" ? shownBefore : shown;
}

/** The next of the local times that the gap before a segment swallowed, each as much later as the gap is long; Infinity if none is left. */
function nextShifted(pattern: CivilPattern, { start, offset, shownBefore }: Segment, after: number): number {
  const shown = start + offset;
  if (shown <= shownBefore) return Infinity;
  const offsetBefore = shownBefore - start;
  const from = Math.max(shownBefore, after + 1 + offsetBefore);
  if (from >= shown) return Infinity;
  const civil = nextCivil(pattern, from, shown);
  return civil !== null && civil < shown ? civil - offsetBefore : Infinity;
}
