import { type CronSchedule, nextCron } from "./cron.ts";
import { fromSeconds, type SecondsOfDay } from "./seconds-of-day.ts";

type Clock = { hours: number[]; minutes: number[]; seconds: number[]; byOffset: Map<number, SecondsOfDay> };

/** Schedules are read from the database again and again, but searched more than once each time. */
const clocks = new WeakMap<CronSchedule, Clock>();

/** The times of day of a cron expression, whatever the date, for clocks that are `offset` ms ahead of UTC. */
export function timesOfCron(schedule: CronSchedule, offset: number): SecondsOfDay {
  let clock = clocks.get(schedule);
  if (clock === undefined) {
    const [second, minute, hour] = fieldsOf(schedule.expression);
    clock = {
      hours: valuesOf(`0 0 ${hour} * * *`, 24, 3_600_000),
      minutes: valuesOf(`0 ${minute} * * * *`, 60, 60_000),
      seconds: valuesOf(`${second} * * * * *`, 60, 1_000),
      byOffset: new Map(),
    };
    clocks.set(schedule, clock);
  }
  let times = clock.byOffset.get(offset);
  if (times === undefined) {
    times = fromSeconds(combinations(clock, offset / 1_000));
    clock.byOffset.set(offset, times);
  }
  return times;
}

/** Whether every date matches. */
export function isDaily(schedule: CronSchedule): boolean {
  return fieldsOf(schedule.expression)
    .slice(3)
    .every((field) => field === "*");
}

/** Whether a local date matches; days are counted from 1970-01-01. */
export function hasDate(schedule: CronSchedule, day: number): boolean {
  const dates = ["0 0 0", ...fieldsOf(schedule.expression).slice(3)].join(" ");
  const midnight = day * 86_400_000;
  return nextCron({ type: "cron", expression: dates, timezone: "UTC" }, midnight - 1) === midnight;
}

/** Whether the expression follows elapsed time unless the schedule says otherwise; see dst.ts. */
export function isWildcard({ expression }: CronSchedule): boolean {
  return fieldsOf(expression)
    .slice(1, 3)
    .some((field) => field.startsWith("*"));
}

/** Six of them, the seconds first. */
export function fieldsOf(expression: string): string[] {
  const fields = expression.split(" ");
  return fields.length === 5 ? ["0", ...fields] : fields;
}

function valuesOf(expression: string, count: number, unit: number): number[] {
  const schedule: CronSchedule = { type: "cron", expression, timezone: "UTC" };
  return Array.from({ length: count }, (_, value) => value).filter(
    (value) => nextCron(schedule, value * unit - 1) === value * unit,
  );
}

function* combinations({ hours, minutes, seconds }: Clock, ahead: number): Generator<number> {
  for (const hour of hours) {
    for (const minute of minutes) {
      for (const second of seconds) yield hour * 3_600 + minute * 60 + second - ahead;
    }
  }
}
