import type { DeployedScheduleInput } from "@belfry/contract/schedule-input.ts";
import { parseDayOfMonth } from "./day-names.ts";
import { calendar, countOf, monthly, parseWeekdays } from "./parse-calendar.ts";
import { misformed, type Parsing } from "./parse-options.ts";
import { within } from "./parse-restrictions.ts";
import { parseText } from "./parse-text.ts";
import type { Schedule } from "./schedule.ts";
import { parseTimeOfDay, timeOfDay } from "./time-of-day.ts";

type Config = NonNullable<DeployedScheduleInput["schedule_config"]>;

/** `{ schedule_type, schedule_time, schedule_config }`. Without `day_of_month`, monthly is the first, as in `@monthly`. Throws ScheduleError. */
export function parseDeployed(form: DeployedScheduleInput, parsing: Parsing): Schedule {
  const config = form.schedule_config ?? {};
  const configField = `${parsing.field}.schedule_config`;
  const configured = { ...parsing, field: configField };
  if (form.schedule_type === "custom") return custom(form, config, parsing);

  if (config.customInterval !== undefined || config.custom_interval !== undefined) {
    throw misformed(configField, "can have customInterval only with schedule_type custom");
  }
  if (config.days !== undefined && form.schedule_type === "daily")
    throw misformed(`${configField}.days`, "needs schedule_type weekly");
  if (config.day_of_month !== undefined && form.schedule_type !== "monthly") {
    throw misformed(`${configField}.day_of_month`, "needs schedule_type monthly");
  }
  if (form.schedule_time === undefined)
    throw misformed(`${parsing.field}.schedule_time`, "is required, for example 09:00");
  const times = [parseTimeOfDay(form.schedule_time, { field: `${parsing.field}.schedule_time` })];
  const count = countOf(config, configured);
  switch (form.schedule_type) {
    case "daily":
      return calendar({ every: "day", ...count }, times, parsing);
    case "weekly": {
      if (config.days === undefined) throw misformed(`${configField}.days`, 'is required, for example ["Monday"]');
      const weekdays = parseWeekdays(config.days, { field: `${configField}.days` });
      return calendar({ every: "week", ...count, weekdays }, times, parsing);
    }
    case "monthly":
      return calendar(monthly(daysOf(config, configField), count, config.short_months), times, parsing);
  }
}

function daysOf({ days, day_of_month: day = days ?? 1 }: Config, field: string) {
  if (days !== undefined && day !== days) throw misformed(field, "must have either day_of_month or days");
  const name = `${field}.${days === undefined ? "day_of_month" : "days"}`;
  return [day]
    .flat()
    .map((one, index) => parseDayOfMonth(one, { field: Array.isArray(day) ? `${name}[${index}]` : name }));
}

/** The interval stands in `customInterval`, in `schedule_time`, or in both; or the one is an interval of days and the other its time. */
function custom({ schedule_time: time }: DeployedScheduleInput, config: Config, parsing: Parsing): Schedule {
  const { field } = parsing;
  const interval = config.customInterval ?? config.custom_interval;
  const text = interval ?? time;
  if (text === undefined)
    throw misformed(`${field}.schedule_config.customInterval`, 'is required, for example "Every 2 hours"');
  if (interval === undefined || time === undefined || time.trim() === interval.trim())
    return within(field, () => parseText(text, parsing));
  if (timeOfDay(time) === null)
    throw misformed(field, "must have the same in schedule_time and customInterval, or a time of day in the first");
  return within(field, () => parseText(`${interval.trim()} at ${time.trim()}`, parsing));
}
