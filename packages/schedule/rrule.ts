/** A recurrence rule of RFC 5545 (RRULE with RDATE and EXDATE if given), counted from `start`, a local date and time of the zone. */
export type RruleSchedule = { type: "rrule"; rule: string; start: string; timezone: string };

export function nextRrule(_schedule: RruleSchedule, _after: number): number | null {
  throw new Error("not built yet");
}

export function describeRrule(_schedule: RruleSchedule): string {
  throw new Error("not built yet");
}
