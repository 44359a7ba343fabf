import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";

/** The client's own words, for messages. */
export function scheduleText(input: ScheduleInput): string {
  if (typeof input === "string") return input;
  return "value" in input ? input.value : JSON.stringify(input);
}
