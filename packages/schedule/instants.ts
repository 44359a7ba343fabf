/** Runs at each of some instants, which are ascending and differ. */
export type InstantsSchedule = { type: "instants"; at: number[] };

export function nextInstant(_schedule: InstantsSchedule, _after: number): number | null {
  throw new Error("not built yet");
}

export function describeInstants(_schedule: InstantsSchedule): string {
  throw new Error("not built yet");
}
