import { z } from "zod";
import { dstRule } from "./dst.ts";
import { misfirePolicy } from "./policies.ts";
import { scheduleInput } from "./schedule-input.ts";
import { instant } from "./text.ts";

/** How far ahead, and how long an outage, is looked at. */
const MAX_SPAN_YEARS = 10;
const MAX_SPAN_MS = MAX_SPAN_YEARS * 366 * 86_400_000;
const EXAMPLE = "must be an ISO 8601 instant such as 2026-01-31T09:00:00Z";

/** With an offset or Z, and a year that four digits can write in UTC too. */
const writtenInstant = z.iso
  .datetime({ offset: true, error: EXAMPLE })
  .refine((text) => /^\d{4}-/.test(safeIso(text)), { error: EXAMPLE, abort: true });

const outage = z
  .strictObject({
    /** The first instant at which nothing was planned any more … */
    from: writtenInstant,
    /** … and the one at which the scheduler is back. */
    to: writtenInstant,
  })
  .superRefine(({ from, to }, ctx) => {
    const problem = spanProblem(from, to);
    if (problem) ctx.addIssue({ code: "custom", path: ["to"], message: problem });
  });

/** Body of `POST /automation/schedules/preview`. */
export const schedulePreviewBody = z
  .strictObject({
    schedule: scheduleInput,
    timezone: z.string().max(100).default("UTC"),
    dst: dstRule.optional(),
    /** No occurrence before this instant: now, or the beginning of `down`, unless given. As of a job that is made then. */
    from: writtenInstant.optional(),
    /** No occurrence after this instant; unless given, as far as `count` goes. */
    to: writtenInstant.optional(),
    count: z.int().min(1).max(1_000).default(10),
    /** Whose `H` and whose `jitter` to show: both follow from a job's id. */
    job_id: z.uuid().optional(),
    /** An outage: what is recorded, and what runs, when it is over? */
    down: outage.optional(),
    misfire: misfirePolicy.prefault({}),
  })
  .superRefine(({ from, to }, ctx) => {
    const problem = from === undefined || to === undefined ? null : spanProblem(from, to);
    if (problem) ctx.addIssue({ code: "custom", path: ["to"], message: problem });
  });
export type SchedulePreviewBody = z.infer<typeof schedulePreviewBody>;

const previewedOccurrence = z.object({
  at: instant,
  /** `2026-03-08T03:30:00-04:00[America/New_York]`. */
  local: z.string(),
  /** Where a change of clocks, an exclusion or jitter plays a part. */
  notes: z.array(z.string()),
});

/** What was left out: one occurrence, or `count` of them in a row for the same reason, the last at `until`. */
const droppedOccurrence = z.object({
  at: instant,
  local: z.string(),
  until: instant,
  count: z.int(),
  reason: z.string(),
});

/** One row of the ledger: an occurrence, or a range of so many of them from `scheduled_for` to `scheduled_until`. */
const outageRow = z.object({
  scheduled_for: instant,
  scheduled_until: instant,
  occurrences: z.int(),
  /** On time is what is due at the very end of the outage; skipped is `skipped` with the reason `misfire`. */
  verdict: z.enum(["runs_on_time", "runs_late", "skipped"]),
});

const outageAnswer = z.object({
  /** One sentence for people. */
  summary: z.string(),
  rows: z.array(outageRow),
  runs: z.int(),
  skipped: z.int(),
  /** The first occurrence after the outage; null if there is none. */
  next: instant.nullable(),
  /** False if there was more to plan than a simulation looks at: then it is about what was due before `next`. */
  is_complete: z.boolean(),
});

/** What a schedule means. */
export const schedulePreview = z.object({
  /** One sentence for people. */
  description: z.string(),
  /** In which local times are meant: the schedule's own zone if it names one. */
  timezone: z.string(),
  from: instant,
  occurrences: z.array(previewedOccurrence),
  /** False if there may be more of them in what was asked for, which would have taken too long to find. */
  is_complete: z.boolean(),
  /** What exclusions, windows and changes of clocks have left out from `from` to `to`, or to the last of `occurrences`. */
  dropped: z.array(droppedOccurrence),
  dropped_is_complete: z.boolean(),
  /** About the schedule as a whole: that it is counted from `from`, or that another job has other values for `H`. */
  notes: z.array(z.string()),
  /** Null without `down`. */
  outage: outageAnswer.nullable(),
});
export type SchedulePreview = z.infer<typeof schedulePreview>;

function spanProblem(from: string, to: string): string | null {
  const span = Date.parse(to) - Date.parse(from);
  if (span < 0) return "must not be before from";
  return span > MAX_SPAN_MS ? `must be at most ${MAX_SPAN_YEARS} years after from` : null;
}

function safeIso(text: string): string {
  const instant = Date.parse(text);
  return Number.isNaN(instant) ? "" : new Date(instant).toISOString();
}
