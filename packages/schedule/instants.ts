import { parseOnce } from "./once.ts";
import type { Where } from "./parse-options.ts";

/** Runs at each of some instants, which are ascending and differ. */
export type InstantsSchedule = { type: "instants"; at: number[] };

/** ISO 8601 instants in any order; one that is given twice counts once. Throws ScheduleError. */
export function parseInstants(texts: readonly string[], { field }: Where): InstantsSchedule {
  const at = texts.map((text, index) => parseOnce(text, { field: `${field}[${index}]` }).at);
  return { type: "instants", at: [...new Set(at)].sort((a, b) => a - b) };
}

export function nextInstant({ at }: InstantsSchedule, after: number): number | null {
  return at[firstAfter(at, after)] ?? null;
}

/** Where in ascending instants the first one strictly after `after` stands; their number if there is none. */
export function firstAfter(at: { readonly length: number; readonly [index: number]: number }, after: number): number {
  let low = 0;
  let high = at.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((at[middle] ?? Infinity) <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}
