import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";
import { neverRuns } from "./cron.ts";
import { quote, ScheduleError } from "./errors.ts";
import { isTooRare, nextRun } from "./next-run.ts";
import type { Schedule } from "./schedule.ts";
import { scheduleText } from "./schedule-text.ts";

/** The first run after `now`. Throws ScheduleError with the reason when nothing is left to run; `input` is what the message quotes. */
export function assertHasFuture(schedule: Schedule, input: ScheduleInput, now: number): number {
  const next = nextRun(schedule, now);
  const text = scheduleText(input);
  // It would cost each look at the schedule as much again: some ten milliseconds, of a scheduler that serves everybody.
  if (isTooRare(schedule, now))
    throw new ScheduleError("SCHEDULE_TOO_RARE", `schedule ${quote(text)} has a part of which no run could be found`);
  if (next !== null) return next;
  if (schedule.type === "cron") throw neverRuns(text);
  throw new ScheduleError("SCHEDULE_OVER", `schedule ${quote(text)} is over: ${whyOver(schedule, now)}`);
}

function whyOver(schedule: Schedule, now: number): string {
  const last = schedule.type === "once" ? schedule.at : schedule.type === "instants" ? schedule.at.at(-1) : undefined;
  return last === undefined
    ? `it has no run after ${new Date(now).toISOString()}`
    : `${new Date(last).toISOString()} is in the past`;
}
