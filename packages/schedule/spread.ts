import type { Schedule } from "./schedule.ts";

/**
 * How many milliseconds after its occurrence an execution starts: 0 to the schedule's `spreadMs`, both included; 0 without one. It
 * follows from the job and the instant alone, so that every process says the same and a restart changes nothing, and jobs
 * with the same schedule do not all start in the same moment. The occurrence stays what it is: `scheduledFor`.
 */
export function startDelay(schedule: Schedule, jobKey: string, scheduledFor: number): number {
  const spreadMs = (schedule.type === "restricted" ? schedule.spreadMs : undefined) ?? 0;
  return spreadMs === 0 ? 0 : hashOf(`${jobKey}\n${scheduledFor}`) % (spreadMs + 1);
}

/** 52 bits, so that the remainder is even for any spread: two of the 32-bit hash FNV-1a, each stirred because its bits alone are not. */
function hashOf(text: string): number {
  let high = 0x811c9dc5;
  let low = 0xc9dc5118;
  for (const byte of new TextEncoder().encode(text)) {
    high = Math.imul(high ^ byte, 0x01000193);
    low = Math.imul(low ^ byte, 0x01000193);
  }
  return (stirred(high) >>> 12) * 2 ** 32 + stirred(low);
}

function stirred(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
