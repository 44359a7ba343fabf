import { hashOf } from "./hash.ts";
import type { Schedule } from "./schedule.ts";

/**
 * How many milliseconds after its occurrence an execution starts: 0 to the schedule's `spreadMs`, both included; 0 without one. It
 * follows from the job and the instant alone, so that every process says the same and a restart changes nothing, and jobs
 * with the same schedule do not all start in the same moment. The occurrence stays what it is: `scheduledFor`.
 */
export function startDelay(schedule: Schedule, jobKey: string, scheduledFor: number): number {
  const spreadMs = (schedule.type === "restricted" ? schedule.spreadMs : undefined) ?? 0;
  return spreadMs === 0 ? 0 : wideHashOf(`${jobKey}\n${scheduledFor}`) % (spreadMs + 1);
}

/** 52 bits, so that the remainder is even for any spread. */
const wideHashOf = (text: string): number => (hashOf(text) >>> 12) * 2 ** 32 + hashOf(text, 0xc9dc5118);
