import type { SchedulePreview, SchedulePreviewBody } from "@belfry/contract/schedule-preview.ts";
import { assertHasFuture } from "./assert-has-future.ts";
import { describe } from "./describe.ts";
import { describeOutage } from "./describe-outage.ts";
import { ScheduleError } from "./errors.ts";
import { localTime, zoneOf } from "./local-text.ts";
import type { ParseOptions } from "./parse-options.ts";
import { parseSchedule } from "./parse-schedule.ts";
import { explainOccurrences } from "./preview.ts";
import type { Schedule } from "./schedule.ts";
import { type OutageOutcome, simulateOutage } from "./simulate.ts";
import { resolveTimeZone } from "./zone.ts";

/** What `H` follows from where no job is named. */
const NO_JOB = "a job";

const VERDICTS = { "runs on time": "runs_on_time", "runs late": "runs_late", "skipped (misfire)": "skipped" } as const;

/** Where a preview begins: an instant of its own, the outage that it is about, or now. */
export function previewFrom({ from, down }: SchedulePreviewBody, now: number): number {
  const written = from ?? down?.from;
  return written === undefined ? now : Date.parse(written);
}

/** How its schedule is to be parsed: as that of a job that is made where the preview begins. */
export function previewOptions(body: SchedulePreviewBody, from: number): Omit<ParseOptions, "calendars"> {
  const { timezone, dst, job_id: seed = NO_JOB } = body;
  return { timezone, anchor: from, seed, ...(dst && { dst }) };
}

/**
 * The answer about a schedule that was parsed with `previewOptions`. Throws ScheduleError if it has no run at `from` or later, as a
 * job with it would be refused. `budget` begins each of its parts and is
 * asked before each step: a part is cut short, and says so, once that says no.
 */
export function answerPreview(
  schedule: Schedule,
  body: SchedulePreviewBody,
  { from, budget }: { from: number; budget: () => () => boolean },
): SchedulePreview {
  assertHasFuture(schedule, body.schedule, from - 1);
  const timezone = zoneOf(schedule) ?? resolveTimeZone(body.timezone);
  const explained = explainOccurrences(schedule, {
    from,
    count: body.count,
    timezone,
    budget,
    ...(body.to !== undefined && { to: Date.parse(body.to) }),
    ...(body.job_id !== undefined && { jobKey: body.job_id }),
  });
  return {
    description: describe(schedule),
    timezone,
    from: iso(from),
    occurrences: explained.occurrences.map(({ at, ...rest }) => ({ at: iso(at), ...rest })),
    is_complete: explained.isComplete,
    dropped: explained.dropped.map(({ at, until, ...rest }) => ({ at: iso(at), until: iso(until), ...rest })),
    dropped_is_complete: explained.droppedIsComplete,
    notes: notesOf(schedule, body, from),
    outage: outageOf(schedule, body, budget()),
  };
}

function notesOf(schedule: Schedule, body: SchedulePreviewBody, from: number): string[] {
  const notes: string[] = [];
  if (body.job_id === undefined && hasHash(body, from)) {
    notes.push("each job has values of its own for H: these are an example, those of a job are shown with its job_id");
  }
  if (countsFrom(schedule, from)) notes.push(`counted from ${iso(from)}, as that of a job from when it is made`);
  return notes;
}

/** Whether a schedule that is accepted depends on the job's id: without one it is refused then. */
function hasHash(body: SchedulePreviewBody, from: number): boolean {
  if (!JSON.stringify(body.schedule).includes("H")) return false;
  const { seed: _, ...options } = previewOptions(body, from);
  try {
    parseSchedule(body.schedule, { ...options, calendars: () => ({ dates: [] }) });
    return false;
  } catch (error) {
    if (error instanceof ScheduleError) return true;
    throw error;
  }
}

/** Whether what a schedule counts in begins with the instant at which it was parsed. */
function countsFrom(schedule: Schedule, anchor: number): boolean {
  switch (schedule.type) {
    case "interval":
      return schedule.anchor === anchor;
    case "calendar":
      return schedule.days.interval > 1 && schedule.days.from === localDate(anchor, schedule.timezone);
    case "rrule":
      // Such a rule begins with the next whole second.
      return (
        schedule.start ===
        localTime(Math.ceil(anchor / 1_000) * 1_000, schedule.timezone)
          .toPlainDateTime()
          .toString(TO_THE_SECOND)
      );
    default:
      return "of" in schedule && [schedule.of].flat().some((inner) => countsFrom(inner, anchor));
  }
}

function outageOf(schedule: Schedule, { down, misfire }: SchedulePreviewBody, mayGoOn: () => boolean) {
  if (down === undefined) return null;
  const [from, to] = [Date.parse(down.from), Date.parse(down.to)];
  const outcome = simulateOutage(schedule, { from, to, misfire, mayGoOn });
  return { summary: describeOutage(outcome, to), ...presentOutage(outcome) };
}

function presentOutage({ rows, runs, skipped, next, isComplete }: OutageOutcome) {
  return {
    rows: rows.map(({ scheduledFor, until, count, verdict }) => ({
      scheduled_for: iso(scheduledFor),
      scheduled_until: iso(until),
      occurrences: count,
      verdict: VERDICTS[verdict],
    })),
    runs,
    skipped,
    next: next === null ? null : iso(next),
    is_complete: isComplete,
  };
}

const TO_THE_SECOND = { smallestUnit: "second" } as const;

const localDate = (instant: number, timezone: string): string => localTime(instant, timezone).toPlainDate().toString();

const iso = (instant: number): string => new Date(instant).toISOString();
