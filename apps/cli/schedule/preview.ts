import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";
import type { SchedulePreview, SchedulePreviewBody } from "@belfry/contract/schedule-preview.ts";
import { answerPreview, previewFrom, previewOptions } from "@belfry/schedule/answer-preview.ts";
import { ScheduleError } from "@belfry/schedule/errors.ts";
import { parseSchedule } from "@belfry/schedule/parse-schedule.ts";
import { explanationText, occurrencesText } from "./text.ts";
import { type Options, readCalendars, readOptions, UsageError } from "./usage.ts";

export type { Options };

/** For each part of the answer: who asks for much may wait, and who has asked for too much is told. */
const PATIENCE_MS = 5_000;

/** `belfry schedule next`. Exit code 1 for a bad schedule, 2 for bad usage, each with one line on standard error. */
export function printNext(schedule: string, options: Options): void {
  run("next", schedule, options, (preview) => {
    for (const note of preview.notes) process.stderr.write(`belfry schedule next: note: ${note}\n`);
    return occurrencesText(preview);
  });
}

/** `belfry schedule explain`, in the same way. */
export function printExplanation(schedule: string, options: Options): void {
  run("explain", schedule, options, explanationText);
}

function run(name: string, schedule: string, options: Options, text: (preview: SchedulePreview) => string): void {
  try {
    const body = readOptions(readInput(schedule), options);
    const preview = previewOf(body, readCalendars(options.calendar));
    process.stdout.write(options.json ? `${JSON.stringify(preview, null, 2)}\n` : text(preview));
  } catch (error) {
    if (!(error instanceof ScheduleError) && !(error instanceof UsageError)) throw error;
    const isUsage = error instanceof UsageError || error.field === "timezone";
    process.stderr.write(`belfry schedule ${name}: ${error.message.replace(/\s+/g, " ")}\n`);
    process.exitCode = isUsage ? 2 : 1;
  }
}

/** What is not of any form of a schedule is refused when it is parsed. */
function readInput(text: string): ScheduleInput {
  if (!/^\s*[{["]/.test(text)) return text;
  try {
    return JSON.parse(text) as ScheduleInput;
  } catch (error) {
    throw new ScheduleError("SCHEDULE_FORM_INVALID", `schedule is not valid JSON: ${(error as Error).message}`);
  }
}

function previewOf(body: SchedulePreviewBody, calendars: ReadonlyMap<string, string[]>): SchedulePreview {
  const from = previewFrom(body, Date.now());
  const schedule = parseSchedule(body.schedule, {
    ...previewOptions(body, from),
    calendars: (name) => {
      const dates = calendars.get(name);
      return dates && { dates };
    },
  });
  return answerPreview(schedule, body, { from, budget: () => before(performance.now() + PATIENCE_MS) });
}

const before = (end: number) => () => performance.now() < end;
