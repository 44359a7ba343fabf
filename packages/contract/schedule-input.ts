import { z } from "zod";

/** How deep `any`, `all` and `except` may be nested, and of how many schedules all in all. */
export const SCHEDULE_MAX_DEPTH = 5;
export const SCHEDULE_MAX_PARTS = 20;

/** Objects and lists inside each other in the deepest schedule that is allowed: two for each level, and the innermost form. */
const MAX_JSON_DEPTH = 2 * SCHEDULE_MAX_DEPTH + 4;

const text = z.string().max(1000);
const word = z.string().max(100);
/** A civil date: `2026-12-25`. */
const date = z.string().max(20);
const oneOrMore = <Value extends z.ZodType>(value: Value, most: number) =>
  z.union([value, z.array(value).min(1).max(most)]);

/** `monday`, `Mon`, or 0 to 7, of which 0 and 7 are Sunday. */
const weekday = z.union([z.int(), word]);
/** 1 to 31, -1 to -31 counted from the month's end, or `last`. */
const dayOfMonth = z.union([z.int(), word]);
/** 1 to 5 or -1 to -5, or in words: `first`, `last`. */
const nth = z.union([z.int(), word]);
/** 1 to 12, `december` or `Dec`. */
const month = z.union([z.int(), word]);

/** What any form may carry besides. */
const restrictions = {
  /** In which its local times are meant, in place of the job's. */
  timezone: word.optional(),
  /** No occurrence before this instant. An interval's first occurrence, and where an `rrule` counts from. */
  start: text.optional(),
  /** No occurrence at or after this instant. */
  end: text.optional(),
  exclude_dates: z.array(date).max(1000).optional(),
  weekdays: z.array(weekday).min(1).max(7).optional(),
  /** `02:00-04:00`, or several of them. */
  windows: oneOrMore(word, 20).optional(),
  /** The account's calendars, by name. */
  calendars: z
    .strictObject({ exclude: z.array(word).max(10).optional(), include: z.array(word).max(10).optional() })
    .optional(),
  /** Where an occurrence on an excluded date goes: to the next or the previous day that is not excluded. Without it, it is dropped. */
  move: z.enum(["next", "previous"]).optional(),
  /** Up to how much later than due an execution may start, as a duration. Only on the outermost object. */
  jitter: word.optional(),
};

const times = { time: word.optional(), times: z.array(word).min(1).max(24).optional() };
const counted = {
  /** Every so many days, weeks, months or years … */
  every: z.int().min(1).max(1000).optional(),
  /** … of which the one with this civil date is one; without it that of the job's creation. (When it begins is for `start` to say.) */
  from: date.optional(),
};
const daysOfMonth = {
  day: dayOfMonth.optional(),
  days: z.array(dayOfMonth).min(1).max(62).optional(),
  /** With `weekday`: the first Monday, the second and fourth Friday. */
  nth: oneOrMore(nth, 10).optional(),
  weekday: oneOrMore(weekday, 7).optional(),
  /** What a day that a month does not have means there: its last day, which is the default, or none. */
  short_months: z.enum(["last", "skip"]).optional(),
};

const simple = <Type extends string>(type: Type) =>
  z.strictObject({ type: z.literal(type), value: text, ...restrictions });

const combined = z.strictObject({
  type: z.enum(["any", "all", "except"]),
  /** Schedules of any form, which are read when the whole is. */
  of: z
    .array(z.custom<unknown>())
    .min(1)
    .max(SCHEDULE_MAX_PARTS)
    .refine((parts) => !isDeeper(parts, MAX_JSON_DEPTH - 1), {
      message: `must not be nested deeper than ${SCHEDULE_MAX_DEPTH} levels`,
      abort: true,
    }),
  ...restrictions,
});

/** The forms that are objects with a `type`. */
export const typedScheduleInput = z.discriminatedUnion("type", [
  simple("cron"),
  simple("interval"),
  simple("once"),
  z.strictObject({ type: z.literal("instants"), values: z.array(text).min(1).max(1000), ...restrictions }),
  z.strictObject({ type: z.literal("daily"), ...times, ...counted, ...restrictions }),
  z.strictObject({
    type: z.literal("weekly"),
    days: z.array(weekday).min(1).max(7),
    ...times,
    ...counted,
    ...restrictions,
  }),
  z.strictObject({ type: z.literal("monthly"), ...daysOfMonth, ...times, ...counted, ...restrictions }),
  z.strictObject({
    type: z.literal("yearly"),
    /** `12-24`, or several; or months with their days. */
    date: word.optional(),
    dates: z.array(word).min(1).max(SCHEDULE_MAX_PARTS).optional(),
    months: z.array(month).min(1).max(12).optional(),
    ...daysOfMonth,
    ...times,
    ...counted,
    ...restrictions,
  }),
  z.strictObject({ type: z.literal("rrule"), value: z.string().max(5000), ...restrictions }),
  combined,
]);

/** As a form with a picker for the type and one for the time sends it. */
export const deployedScheduleInput = z.strictObject({
  schedule_type: z.enum(["daily", "weekly", "monthly", "custom"]),
  /** `09:00`; for `custom` the interval in words. */
  schedule_time: text.optional(),
  schedule_config: z
    .strictObject({
      timezone: word.optional(),
      days: z.array(weekday).min(1).max(62).optional(),
      day_of_month: z.union([dayOfMonth, z.array(dayOfMonth).min(1).max(62)]).optional(),
      customInterval: text.optional(),
      custom_interval: text.optional(),
      every: counted.every,
      from: counted.from,
      short_months: daysOfMonth.short_months,
    })
    .optional(),
  ...restrictions,
});

type Combined = Omit<z.infer<typeof combined>, "of"> & { of: ScheduleInput[] };
export type DeployedScheduleInput = z.infer<typeof deployedScheduleInput>;
export type TypedScheduleInput =
  | Exclude<z.infer<typeof typedScheduleInput>, { type: "any" | "all" | "except" }>
  | Combined;
export type ScheduleInput = string | TypedScheduleInput | DeployedScheduleInput;

/**
 * As clients write it: `"0 9 * * *"`, `"every monday at 9:00"`, or `{ "type": "interval", "value": "2h" }`. Here is checked of which form it
 * is; what it means, and whether it means anything, is decided in packages/schedule.
 */
export const scheduleInput = z.union([text, typedScheduleInput, deployedScheduleInput]) as z.ZodType<ScheduleInput>;

/** Stops at the limit: whoever walks what is deeper may overflow the stack. */
function isDeeper(value: unknown, limit: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return limit === 0 || Object.values(value).some((inner) => isDeeper(inner, limit - 1));
}
