import { instantText } from "./describe-words.ts";
import { formatDuration } from "./duration.ts";
import { type DroppedOccurrence, describeDrops } from "./explain-drops.ts";
import { dstNotes } from "./explain-dst.ts";
import { moveNotes } from "./explain-moves.ts";
import { localText, zoneOf } from "./local-text.ts";
import { nextRun } from "./next-run.ts";
import type { Schedule } from "./schedule.ts";
import { isTooRare } from "./search.ts";
import { startDelay } from "./spread.ts";

export type ExplainOptions = {
  /** No occurrence before this instant … */
  from: number;
  /** … and none after this one; unless given, as far as `count` goes. */
  to?: number;
  /** How many occurrences at most. */
  count: number;
  /** The job's id, from which the moment within a spread follows. */
  jobKey?: string;
  /** The zone for the local times of a schedule that has none of its own, such as an interval. UTC unless given. */
  timezone?: string;
  /** Begins a piece of work and gives what is asked before each step that may be long: once that says no, what was found up to then is the answer. */
  budget?: () => () => boolean;
};

/** `local` is as in `2026-03-08T03:30:00-04:00[America/New_York]`. */
export type ExplainedOccurrence = { at: number; local: string; notes: string[] };

export type Explanation = {
  occurrences: ExplainedOccurrence[];
  /** False if it was told to stop before all were found. */
  isComplete: boolean;
  /** What exclusions, windows and gaps have left out, up to the last of `count` occurrences; if there are fewer, up to `to` or for a year more. */
  dropped: DroppedOccurrence[];
  /** False if there was more to look at than is worth the while. */
  droppedIsComplete: boolean;
};

const YEAR_MS = 366 * 86_400_000;

/** The occurrences of a stretch of time, with a note wherever a change of clocks, an exclusion or a spread plays a part. */
export function explainOccurrences(schedule: Schedule, options: ExplainOptions): Explanation {
  const { from, to, count, jobKey, budget = () => () => true } = options;
  const zone = zoneOf(schedule) ?? options.timezone ?? "UTC";
  const occurrences: ExplainedOccurrence[] = [];
  const mayGoOn = budget();
  let [isComplete, last] = [true, from - 1];
  while (occurrences.length < count) {
    isComplete = mayGoOn();
    const at = isComplete ? nextOrUnknown(schedule, last) : null;
    if (at === "unknown") isComplete = false;
    if (at === null || at === "unknown" || at > (to ?? Infinity)) break;
    const notes = [...notesOf(schedule, at), ...spreadNotes(schedule, at, jobKey)];
    occurrences.push({ at, local: localText(at, zone), notes });
    last = at;
  }
  const end = isComplete && occurrences.length < count ? (to ?? Math.max(last, from) + YEAR_MS) : last;
  const instants = occurrences.map(({ at }) => at);
  const drops = describeDrops(schedule, { from, to: end }, instants, zone, budget());
  return { occurrences, isComplete, dropped: drops.dropped, droppedIsComplete: drops.isComplete };
}

/** None if it takes too long to find out where an occurrence comes from. */
function notesOf(schedule: Schedule, at: number): string[] {
  try {
    return [...dstNotes(schedule, at), ...moveNotes(schedule, at)];
  } catch (error) {
    if (!isTooRare(error)) throw error;
    return [];
  }
}

/** For what takes too long to search. */
function nextOrUnknown(schedule: Schedule, after: number): number | null | "unknown" {
  try {
    return nextRun(schedule, after);
  } catch (error) {
    if (!isTooRare(error)) throw error;
    return "unknown";
  }
}

function spreadNotes(schedule: Schedule, at: number, jobKey: string | undefined): string[] {
  const spreadMs = schedule.type === "restricted" ? (schedule.spreadMs ?? 0) : 0;
  if (spreadMs === 0) return [];
  const start = jobKey === undefined ? "" : `: at ${instantText(at + startDelay(schedule, jobKey, at))}`;
  return [`starts up to ${formatDuration(spreadMs)} later${start}`];
}
