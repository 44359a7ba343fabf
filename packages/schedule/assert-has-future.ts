import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";
import { neverRuns } from "./cron.ts";
import { quote, ScheduleError } from "./errors.ts";
import { nextRun } from "./next-run.ts";
import type { Schedule } from "./schedule.ts";
import { scheduleText } from "./schedule-text.ts";
import { isMade, isTooRare } from "./search.ts";

/** The first run after `now`. Throws ScheduleError with the reason when nothing is left to run; `input` is what the message quotes. */
export function assertHasFuture(schedule: Schedule, input: ScheduleInput, now: number): number {
  const text = scheduleText(input);
  const next = nextOrRefused(schedule, text, now);
  if (next !== null) return next;
  if (schedule.type === "cron") throw neverRuns(text);
  if (isMade(schedule) && !hasEnded(schedule, now)) {
    throw new ScheduleError(
      "SCHEDULE_NEVER_RUNS",
      `schedule never runs: its parts and restrictions leave no run after ${new Date(now).toISOString()}`,
    );
  }
  throw new ScheduleError("SCHEDULE_OVER", `schedule ${quote(text)} is over: ${whyOver(schedule, now)}`);
}

function nextOrRefused(schedule: Schedule, text: string, now: number): number | null {
  try {
    return nextRun(schedule, now);
  } catch (error) {
    if (!isTooRare(error)) throw error;
    throw new ScheduleError(
      "SCHEDULE_TOO_RARE",
      `schedule ${quote(text)} takes too long to search: its parts hardly ever meet`,
    );
  }
}

/** Whether it is its bounds that leave nothing, or what it is made of has come to its end. */
function hasEnded(schedule: Schedule, now: number): boolean {
  if (!isMade(schedule)) return nextRun(schedule, now) === null;
  if (schedule.type === "restricted") return (schedule.end ?? Infinity) <= now + 1 || hasEnded(schedule.of, now);
  if (schedule.type === "any") return schedule.of.length > 0 && schedule.of.every((inner) => hasEnded(inner, now));
  return schedule.of.slice(0, schedule.type === "all" ? undefined : 1).some((inner) => hasEnded(inner, now));
}

function whyOver(schedule: Schedule, now: number): string {
  const last = schedule.type === "once" ? schedule.at : schedule.type === "instants" ? schedule.at.at(-1) : undefined;
  return last === undefined
    ? `it has no run after ${new Date(now).toISOString()}`
    : `${new Date(last).toISOString()} is in the past`;
}
