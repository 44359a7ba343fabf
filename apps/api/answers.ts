/** The answers' schemas, as they are validated and documented. */
import { account } from "@belfry/contract/account.ts";
import { ledgerAudit } from "@belfry/contract/audit.ts";
import { calendar, calendarSummary, changedCalendar, importedCalendar } from "@belfry/contract/calendar.ts";
import { callbackReceipt } from "@belfry/contract/callback.ts";
import { duty } from "@belfry/contract/duty.ts";
import { API_ERRORS, type ApiErrorCode } from "@belfry/contract/errors.ts";
import { execution, executionWithAttempts, phaseRecord } from "@belfry/contract/execution.ts";
import { createdFunction, functionRecord, rotatedSecret } from "@belfry/contract/function.ts";
import { createdJobs, importedJobs, job } from "@belfry/contract/job.ts";
import type { Json } from "@belfry/contract/json.ts";
import { occurrence } from "@belfry/contract/occurrence.ts";
import { registry } from "@belfry/contract/registry.ts";
import { functionTest, functionVersion, functionVersionWithSource } from "@belfry/contract/sandbox.ts";
import { schedulePreview } from "@belfry/contract/schedule-preview.ts";
import { z } from "zod";

/**
 * A stored document on its way out. It is passed on as it is: zod's own JSON schema would walk it, overflow the stack
 * on a deep one and drop a key named `__proto__`.
 */
const carried = z.custom<Json>();

const phase = phaseRecord.extend({ input: carried, output: carried });
const phases = { check: phase.nullable(), perform: phase.nullable(), rollback: phase.nullable() };

export const jobAnswer = job.extend({ payload: carried });
export type JobAnswer = z.infer<typeof jobAnswer>;

export const createdJobsAnswer = createdJobs;
export const importedJobsAnswer = importedJobs;

export const functionAnswer = functionRecord;
export type FunctionAnswer = z.infer<typeof functionAnswer>;

export const functionVersionAnswer = functionVersion;
export type FunctionVersionAnswer = z.infer<typeof functionVersionAnswer>;
export const functionVersionWithSourceAnswer = functionVersionWithSource;

export const functionTestAnswer = functionTest.extend(phases);
export const accountAnswer = account;
export type AccountAnswer = z.infer<typeof accountAnswer>;
export const registryAnswer = registry;
export const createdFunctionAnswer = createdFunction;

export const rotatedSecretAnswer = rotatedSecret;

export const calendarAnswer = calendar;
export type CalendarAnswer = z.infer<typeof calendarAnswer>;

export const calendarSummaryAnswer = calendarSummary;
export type CalendarSummaryAnswer = z.infer<typeof calendarSummaryAnswer>;

export const changedCalendarAnswer = changedCalendar;
export type ChangedCalendarAnswer = z.infer<typeof changedCalendarAnswer>;

export const importedCalendarAnswer = importedCalendar;

export const executionAnswer = execution.extend(phases);
export type ExecutionAnswer = z.infer<typeof executionAnswer>;

export const executionWithAttemptsAnswer = executionWithAttempts.extend(phases);
export type ExecutionWithAttemptsAnswer = z.infer<typeof executionWithAttemptsAnswer>;

export const callbackReceiptAnswer = callbackReceipt;

export const occurrenceAnswer = occurrence;
export type OccurrenceAnswer = z.infer<typeof occurrenceAnswer>;

export const schedulePreviewAnswer = schedulePreview;

export const ledgerAuditAnswer = ledgerAudit;

export const dutyAnswer = duty;
export type DutyAnswer = z.infer<typeof dutyAnswer>;

export const errorAnswer = z.object({
  /** A short label of the kind of error. */
  error: z.string(),
  /** One sentence for people. */
  message: z.string(),
  /** For programs: stays the same when the words change. */
  code: z.enum(Object.keys(API_ERRORS) as ApiErrorCode[]),
  /** What is wrong with which field. */
  details: z
    .array(
      z.object({
        path: z.string(),
        message: z.string(),
        code: z.string(),
        /** Where in a source, from 1. */
        line: z.int().optional(),
        column: z.int().optional(),
      }),
    )
    .optional(),
});
export type ErrorAnswer = z.infer<typeof errorAnswer>;

/** The names under which the documentation shows them. */
export const answerNames = z.registry<{ id: string }>();
answerNames.add(jobAnswer, { id: "Job" });
answerNames.add(createdJobsAnswer, { id: "CreatedJobs" });
answerNames.add(importedJobsAnswer, { id: "ImportedJobs" });
answerNames.add(functionAnswer, { id: "Function" });
answerNames.add(functionVersionAnswer, { id: "FunctionVersion" });
answerNames.add(functionVersionWithSourceAnswer, { id: "FunctionVersionWithSource" });
answerNames.add(functionTestAnswer, { id: "FunctionTest" });
answerNames.add(accountAnswer, { id: "Account" });
answerNames.add(registryAnswer, { id: "Registry" });
answerNames.add(createdFunctionAnswer, { id: "CreatedFunction" });
answerNames.add(rotatedSecretAnswer, { id: "RotatedSecret" });
answerNames.add(calendarAnswer, { id: "Calendar" });
answerNames.add(calendarSummaryAnswer, { id: "CalendarSummary" });
answerNames.add(changedCalendarAnswer, { id: "ChangedCalendar" });
answerNames.add(importedCalendarAnswer, { id: "ImportedCalendar" });
answerNames.add(executionAnswer, { id: "Execution" });
answerNames.add(executionWithAttemptsAnswer, { id: "ExecutionWithAttempts" });
answerNames.add(callbackReceiptAnswer, { id: "CallbackReceipt" });
answerNames.add(occurrenceAnswer, { id: "Occurrence" });
answerNames.add(schedulePreviewAnswer, { id: "SchedulePreview" });
answerNames.add(ledgerAuditAnswer, { id: "LedgerAudit" });
answerNames.add(dutyAnswer, { id: "Duty" });
answerNames.add(errorAnswer, { id: "Error" });

/** What every route that needs an account can answer. */
const ALWAYS = ["UNAUTHORIZED", "INTERNAL", "UNAVAILABLE"] as const;

/**
 * The error answers of a route, for its `schema.response`. The type says nothing of them on purpose: a handler
 * answers with what it has done and throws the rest.
 */
export function errorAnswers(...codes: ApiErrorCode[]): Record<never, never> {
  return describeErrors([...codes, ...ALWAYS]);
}

/** The same for a route that anybody may call. */
export function publicErrorAnswers(...codes: ApiErrorCode[]): Record<never, never> {
  return describeErrors(codes);
}

function describeErrors(codes: readonly ApiErrorCode[]): Record<number, unknown> {
  const byStatus = Map.groupBy(codes, (code) => API_ERRORS[code][0]);
  return Object.fromEntries(
    [...byStatus].map(([status, ofStatus]) => [
      status,
      { description: ofStatus.join(", "), content: { "application/json": { schema: errorAnswer } } },
    ]),
  );
}
