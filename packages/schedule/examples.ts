import type { ScheduleInput } from "@belfry/contract/schedule-input.ts";

export type ScheduleExample = {
  written: ScheduleInput;
  /** The job's zone. */
  timezone: string;
  /** When the job is made, and after which its next runs are asked for. */
  from: string;
  meaning: string;
};

const UTC = { timezone: "UTC", from: "2026-03-02T10:07:00Z" };
/** Two days before clocks go forward there, from 02:00 to 03:00. */
const NEW_YORK = { timezone: "America/New_York", from: "2026-03-06T10:07:00Z" };
const IN_2024 = { timezone: "UTC", from: "2024-12-12T00:00:00Z" };

/** The documented examples of what says when a job runs, by the way in which they are written. */
export const SCHEDULE_EXAMPLES: Readonly<Record<string, readonly ScheduleExample[]>> = {
  "Cron expressions": [
    { written: "0 0 * * *", ...UTC, meaning: "daily at midnight" },
    { written: "0 9 * * *", ...NEW_YORK, meaning: "daily at 9 AM" },
    { written: "*/15 * * * *", ...UTC, meaning: "every 15 minutes" },
    { written: "*/30 * * * *", ...UTC, meaning: "every 30 minutes" },
    { written: "* * * * *", ...UTC, meaning: "every minute" },
    { written: "0 9-17 * * 1-5", ...UTC, meaning: "every hour from 9 AM to 5 PM, Monday to Friday" },
    { written: "30 15 * * 5", ...UTC, meaning: "every Friday at 3:30 PM" },
    { written: "0 2 * * 1-5", ...UTC, meaning: "at 2 AM on weekdays" },
    { written: "0 0 * * 0", ...UTC, meaning: "weekly on Sunday at midnight" },
    { written: "0 0 * * 7", ...UTC, meaning: "weekly on Sunday at midnight, as 7 is Sunday too" },
    { written: "15 30 9 * * *", ...UTC, meaning: "daily at 9:30:15, seconds being the first of six fields" },
    { written: { type: "cron", value: "0 9 * * *" }, ...IN_2024, meaning: "daily at 9 AM" },
    { written: { type: "cron", value: "*/15 * * * *" }, ...UTC, meaning: "every 15 minutes" },
    { written: { type: "cron", value: "0 0 * * 0" }, ...UTC, meaning: "weekly on Sunday at midnight" },
    { written: "TZ=Europe/Dublin 0 9 * * *", ...UTC, meaning: "daily at 9 AM in Dublin, whatever the job's zone" },
  ],
  "Named schedules": [
    { written: "@hourly", ...UTC, meaning: "every hour at minute 0" },
    { written: "@daily", ...UTC, meaning: "every day at 00:00" },
    { written: "@midnight", ...UTC, meaning: "every day at 00:00" },
    { written: "@weekly", ...UTC, meaning: "every Sunday at 00:00" },
    { written: "@monthly", ...UTC, meaning: "the first day of the month at 00:00" },
    { written: "@annually", ...UTC, meaning: "1 January at 00:00" },
    { written: "@yearly", ...UTC, meaning: "1 January at 00:00" },
    { written: "hourly", ...UTC, meaning: "the same as @hourly" },
    { written: "daily", ...UTC, meaning: "the same as @daily" },
    { written: "weekly", ...UTC, meaning: "the same as @weekly" },
    { written: "monthly", ...UTC, meaning: "the same as @monthly" },
    { written: "yearly", ...UTC, meaning: "the same as @yearly" },
  ],
  Intervals: [
    { written: "@every 15m", ...UTC, meaning: "every 15 minutes, counted from the job's creation" },
    { written: "@every 1h30m", ...UTC, meaning: "every hour and a half" },
    { written: "1m", ...UTC, meaning: "every minute" },
    { written: { type: "interval", value: "30s" }, ...UTC, meaning: "every 30 seconds" },
    { written: { type: "interval", value: "5m" }, ...UTC, meaning: "every 5 minutes" },
    { written: { type: "interval", value: "2h" }, ...UTC, meaning: "every 2 hours" },
    { written: { type: "interval", value: "1d" }, ...NEW_YORK, meaning: "every day, of 24 hours" },
    { written: "6h", ...UTC, meaning: "every 6 hours" },
    { written: "21600s", ...UTC, meaning: "every 6 hours, in seconds" },
    { written: "PT1H30M", ...UTC, meaning: "every hour and a half, in the notation of ISO 8601" },
    { written: "P1D", ...UTC, meaning: "every 24 hours" },
    {
      written: { type: "interval", value: "2h", start: "2026-03-02T09:00:00Z" },
      ...UTC,
      meaning: "every 2 hours, counted from an instant at which it runs first",
    },
  ],
  "In words": [
    { written: "Every 2 hours", ...UTC, meaning: "every 2 hours, counted from the job's creation" },
    { written: "every 6 hours", ...UTC, meaning: "every 6 hours" },
    { written: "Every 15 minutes", ...UTC, meaning: "every 15 minutes" },
    { written: "every day at 9", ...NEW_YORK, meaning: "every day at 09:00" },
    {
      written: "daily at 2 AM",
      ...NEW_YORK,
      meaning: "every day at 02:00; where a gap swallows it, at the gap's end",
    },
    { written: "weekdays at 09:00", ...UTC, meaning: "Monday to Friday at 09:00" },
    { written: "every monday and thursday at 14:30", ...UTC, meaning: "each Monday and Thursday at 14:30" },
    { written: "weekly on sunday at 3:00", ...UTC, meaning: "each Sunday at 03:00" },
    { written: "monthly on the 15th at 8:00", ...UTC, meaning: "the 15th of each month at 08:00" },
    { written: "last day of the month at 18:00", ...UTC, meaning: "the last day of each month at 18:00" },
    { written: "first monday of the month at 9:00", ...UTC, meaning: "the first Monday of each month at 09:00" },
    { written: "yearly on december 24 at 18:00", ...UTC, meaning: "each 24 December at 18:00" },
  ],
  "Days and times with colons": [
    { written: "daily:02:00", ...NEW_YORK, meaning: "every day at 02:00" },
    { written: "weekly:sunday:03:00", ...UTC, meaning: "each Sunday at 03:00" },
    { written: "weekly:mon,wed:03:00", ...UTC, meaning: "each Monday and Wednesday at 03:00" },
    { written: "monthly:15:08:00", ...UTC, meaning: "the 15th of each month at 08:00" },
    { written: "monthly:last:08:00", ...UTC, meaning: "the last day of each month at 08:00" },
    { written: "yearly:12-24:18:00", ...UTC, meaning: "each 24 December at 18:00" },
  ],
  "By the calendar": [
    { written: { type: "daily", time: "02:00" }, ...UTC, meaning: "every day at 02:00" },
    { written: { type: "weekly", days: ["sunday"], time: "03:00" }, ...UTC, meaning: "each Sunday at 03:00" },
    { written: { type: "monthly", day: 1, time: "08:00" }, ...UTC, meaning: "the first of each month at 08:00" },
    {
      written: { type: "monthly", day: 31, time: "08:00" },
      ...UTC,
      meaning: "the 31st of each month, or its last day if it has none",
    },
    {
      written: { type: "monthly", day: 31, short_months: "skip", time: "08:00" },
      ...UTC,
      meaning: "the 31st of the months that have one",
    },
    {
      written: { type: "monthly", nth: "last", weekday: "friday", time: "17:00" },
      ...UTC,
      meaning: "the last Friday of each month",
    },
    { written: { type: "weekly", days: ["friday"], time: "17:00", every: 2 }, ...UTC, meaning: "every other Friday" },
    {
      written: { type: "yearly", dates: ["12-24", "12-31"], time: "18:00" },
      ...UTC,
      meaning: "two dates of each year",
    },
  ],
  "As a picker for type and time sends it": [
    {
      written: { schedule_type: "daily", schedule_time: "09:00", schedule_config: { timezone: "UTC" } },
      ...NEW_YORK,
      meaning: "every day at 09:00 in the zone of schedule_config",
    },
    {
      written: {
        schedule_type: "weekly",
        schedule_time: "14:30",
        schedule_config: { days: ["Monday", "Wednesday", "Friday"], timezone: "America/New_York" },
      },
      ...UTC,
      meaning: "each Monday, Wednesday and Friday at 14:30 in New York",
    },
    {
      written: {
        schedule_type: "weekly",
        schedule_time: "09:00",
        schedule_config: { days: ["Monday", "Wednesday", "Friday"], timezone: "UTC" },
      },
      ...UTC,
      meaning: "each Monday, Wednesday and Friday at 09:00",
    },
    {
      written: {
        schedule_type: "monthly",
        schedule_time: "08:00",
        schedule_config: { day_of_month: 1, timezone: "UTC" },
      },
      ...UTC,
      meaning: "the first of each month at 08:00",
    },
    {
      written: {
        schedule_type: "custom",
        schedule_time: "Every 2 hours",
        schedule_config: { customInterval: "Every 2 hours", timezone: "UTC" },
      },
      ...UTC,
      meaning: "every 2 hours, counted from the job's creation",
    },
  ],
  "Once, and at given instants": [
    { written: { type: "once", value: "2024-12-15T09:00:00Z" }, ...IN_2024, meaning: "once" },
    { written: { type: "once", value: "2024-12-15T09:00:00+00:00" }, ...IN_2024, meaning: "once, the same instant" },
    { written: "2024-12-15T09:00:00+01:00", ...IN_2024, meaning: "once, an hour earlier" },
    {
      written: { type: "instants", values: ["2026-04-01T09:00:00Z", "2026-04-15T17:30:00Z"] },
      ...UTC,
      meaning: "at each of some instants",
    },
  ],
  "Recurrence rules (RFC 5545)": [
    {
      written: { type: "rrule", value: "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE", start: "2026-03-02T09:00:00" },
      ...NEW_YORK,
      meaning: "Monday and Wednesday of every other week at 09:00",
    },
    {
      written: "DTSTART;TZID=Europe/Dublin:20260301T090000\nRRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=6",
      ...UTC,
      meaning: "the last Friday of a month at 09:00 in Dublin, six times",
    },
  ],
  "Bounds, exceptions and combinations": [
    {
      written: { type: "cron", value: "*/30 * * * *", windows: "02:00-04:00" },
      ...UTC,
      meaning: "every 30 minutes in a window of the day, which ends before 04:00",
    },
    {
      written: {
        type: "weekly",
        days: ["sunday"],
        time: "03:00",
        start: "2026-04-01T00:00:00Z",
        end: "2026-05-01T00:00:00Z",
      },
      ...UTC,
      meaning: "each Sunday at 03:00 in April 2026",
    },
    {
      written: {
        type: "daily",
        time: "09:00",
        weekdays: ["mon", "tue", "wed", "thu", "fri"],
        exclude_dates: ["2026-03-04"],
      },
      ...UTC,
      meaning: "weekdays at 09:00, but not on 4 March",
    },
    {
      written: { type: "monthly", day: 15, time: "08:00", exclude_dates: ["2026-03-15"], move: "next" },
      ...UTC,
      meaning: "the 15th at 08:00, or the day after it if that is excluded",
    },
    {
      written: { type: "any", of: ["0 9 * * 1-5", "0 11 * * 6,0"] },
      ...UTC,
      meaning: "weekdays at 9, at weekends at 11",
    },
    {
      written: { type: "all", of: ["0 9 * * 1", { type: "monthly", days: [2, 9, 16, 23, 30], time: "09:00" }] },
      ...UTC,
      meaning: "Mondays at 9 that are one of those days of their month",
    },
    {
      written: { type: "except", of: ["@hourly", "0 0-6 * * *"] },
      ...UTC,
      meaning: "every hour, but not from midnight to 6 AM",
    },
  ],
};
