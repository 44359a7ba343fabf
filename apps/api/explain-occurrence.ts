import type { SkipReason } from "@belfry/contract/states.ts";
import type { Occurrence, OccurrenceExecution } from "@belfry/db/read-occurrences.ts";
import type { Waiting } from "@belfry/db/read-waiting.ts";
import { nameLimits } from "@belfry/db/waits-at.ts";

/** Less than this is the time that a message takes, and nothing to speak of. */
const ON_TIME_MS = 1_000;

const WHY_SKIPPED: Record<SkipReason, string> = {
  check_declined: "the check declined",
  function_disabled: "the function is disabled",
  misfire: "it was too late to run when it was noticed",
  overlap: "another execution of this job was open",
  paused: "the job was paused, disabled or deleted before it had started",
};

/** Why an occurrence ran, did not run, or has not run yet: one sentence for people. `now` in milliseconds. */
export function explainOccurrence(occurrence: Occurrence, now: number): string {
  const { scheduledFor, startsAt, execution } = occurrence;
  if (execution) return explainExecution(execution, punctually(occurrence), now);
  if (scheduledFor > now) return `will run at ${at(startsAt)}`;
  return `is due since ${at(scheduledFor)}, and waits for a scheduler`;
}

function explainExecution(execution: OccurrenceExecution, punctually: string, now: number): string {
  switch (execution.status) {
    case "skipped":
      return `skipped: ${whySkipped(execution)}`;
    case "success":
      return `ran ${punctually}${afterAttempts(execution)}`;
    case "failed":
      return `failed${afterAttempts(execution)}: ${execution.error?.message || execution.error?.code || "no reason is known"}`;
    case "cancelled":
      return execution.error?.message || "cancelled";
    case "running":
      return `is running since ${at(execution.startedAt ?? now)}, started ${punctually}`;
    case "pending":
      return explainPending(execution, now);
  }
}

/** Why an execution has not started. `now` in milliseconds. */
export function explainPending(
  { held, holdingBack, attempt, availableAt, breakerRetryAt }: Waiting,
  now: number,
): string {
  if (held) return "waits for its turn: another execution of this job is open";
  if (holdingBack) return `waits: ${nameLimits(holdingBack)}`;
  if (breakerRetryAt !== null) return waitsForBreaker(breakerRetryAt, now);
  const which = attempt === 1 ? "" : `attempt ${attempt} `;
  return availableAt > now
    ? `waits for ${which}until ${at(availableAt)}`
    : `waits for a worker${which && `, ${which.trim()}`}`;
}

const waitsForBreaker = (retryAt: number, now: number): string =>
  retryAt > now
    ? `waits: the function's circuit breaker is open until ${at(retryAt)}`
    : "waits: the function's circuit breaker is open, and one execution tries whether the function has recovered";

const whySkipped = ({ skipReason, occurrences }: OccurrenceExecution): string => {
  const why = skipReason === null ? "no reason is known" : WHY_SKIPPED[skipReason];
  return occurrences > 1 ? `${why}, one of ${occurrences} in a row` : why;
};

/** `on time`, or by how much it was late. */
function punctually(occurrence: Occurrence): string {
  const late = lateMs(occurrence);
  return late === null || late < ON_TIME_MS ? "on time" : `late by ${duration(late)}`;
}

const afterAttempts = ({ attempt }: OccurrenceExecution): string => (attempt > 1 ? `, at attempt ${attempt}` : "");

/** From when it was to start to its first start, in milliseconds; null if it has not started. */
export function lateMs({ startsAt, execution }: Occurrence): number | null {
  return execution?.startedAt == null ? null : Math.max(0, execution.startedAt - startsAt);
}

const at = (instant: number): string => new Date(instant).toISOString();

/** To the largest unit and the one below it: `3 s`, `2 min 5 s`, `1 h 30 min`, `2 d`. */
function duration(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([n]) => n > 0);
  return parts
    .slice(first, first + 2)
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(" ");
}
