import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";
import { neverRuns } from "./cron.ts";
import { quote, ScheduleError } from "./errors.ts";
import { nextRun } from "./next-run.ts";
import { scheduleText } from "./parse-schedule.ts";
import type { Schedule } from "./schedule.ts";

/** The first run after `now`. Throws ScheduleError with the reason when nothing is left to run; `input` is what the message quotes. */
export function assertHasFuture(schedule: Schedule, input: ScheduleInput, now: number): number {
  const next = nextRun(schedule, now);
  if (next !== null) return next;
  const text = scheduleText(input);
  if (schedule.type !== "once") throw neverRuns(text);
  const at = new Date(schedule.at).toISOString();
  throw new ScheduleError("SCHEDULE_OVER", `schedule ${quote(text)} is over: ${at} is in the past`);
}
