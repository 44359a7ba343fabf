import { dstRule } from "@belfry/contract/dst.ts";
import { MISFIRE_POLICIES, misfirePolicy } from "@belfry/contract/policies.ts";
import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";
import { type SchedulePreviewBody, schedulePreviewBody } from "@belfry/contract/schedule-preview.ts";

/** As they stand on the command line. */
export type Options = {
  timezone?: string;
  dst?: string;
  from?: string;
  to?: string;
  count?: string;
  job?: string;
  calendar?: string[];
  down?: string;
  misfire?: string;
  json?: boolean;
};

/** A command that was not called as it should be. */
export class UsageError extends Error {}

/** The body that the same question would have as a call of the API; its schedule is not looked at. Throws UsageError. */
export function readOptions(schedule: ScheduleInput, options: Options): SchedulePreviewBody {
  const { timezone, from, to } = options;
  if (options.misfire && !options.down) throw new UsageError("--misfire is about an outage: it needs --down");
  const result = schedulePreviewBody.safeParse({
    schedule: "@daily",
    timezone,
    from,
    to,
    count: options.count && readCount(options.count),
    dst: options.dst && readDst(options.dst),
    job_id: options.job,
    down: options.down && readDown(options.down),
    misfire: options.misfire && readMisfire(options.misfire),
  });
  if (result.success) return { ...result.data, schedule };
  const [issue] = result.error.issues;
  throw new UsageError(`--${optionOf(issue?.path.map(String) ?? [])} ${issue?.message ?? "is not valid"}`);
}

function optionOf([field = "", part]: string[]): string {
  if (field === "job_id") return "job";
  return part === undefined ? field : `${field}: ${part}`;
}

function readCount(text: string): number {
  if (/^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= 1_000) return Number(text);
  throw new UsageError("--count must be a whole number from 1 to 1000");
}

function readDst(text: string) {
  const [gap, fold] = text.split(",").map((word) => word.trim());
  const rule = dstRule.safeParse({ gap, fold });
  if (rule.success && text.split(",").length === 2) return rule.data;
  throw new UsageError("--dst must be shift, next or skip, a comma, and first, last or both: next,first");
}

function readDown(text: string): { from: string; to: string } {
  const [from, to, ...more] = text.split("..");
  if (from && to && more.length === 0) return { from, to };
  throw new UsageError("--down must be two instants, as in 2026-03-02T02:00:00Z..2026-03-02T05:00:00Z");
}

function readMisfire(text: string) {
  const policy = misfirePolicy.safeParse(text.trim().startsWith("{") ? json(text) : { policy: text.trim() });
  if (policy.success) return policy.data;
  throw new UsageError(`--misfire must be ${MISFIRE_POLICIES.join(", ")}, or a policy as JSON`);
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Dates by name, of `holidays=2026-12-25,2026-12-26`. Throws UsageError. */
export function readCalendars(texts: readonly string[] = []): Map<string, string[]> {
  return new Map(
    texts.map((text) => {
      const [, name, dates = ""] = /^([^=]+)=(.*)$/.exec(text) ?? [];
      const days = dates.split(",").map((date) => date.trim());
      if (name !== undefined && days.every(isDate)) return [name, days];
      throw new UsageError("--calendar must be a name and dates, as in holidays=2026-12-25,2026-12-26");
    }),
  );
}

function isDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(`${text}T00:00:00Z`).getTime() === Date.parse(text);
}
