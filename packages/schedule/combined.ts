import type { Schedule } from "./schedule.ts";

/** `any`: at every instant of one of them, once. `all`: at instants that every one of them has. `except`: at those of the first that none of the others has. */
export type CombinedSchedule = { type: "any" | "all" | "except"; of: Schedule[] };

export function nextCombined(_schedule: CombinedSchedule, _after: number): number | null {
  throw new Error("not built yet");
}

export function describeCombined(_schedule: CombinedSchedule): string {
  throw new Error("not built yet");
}
