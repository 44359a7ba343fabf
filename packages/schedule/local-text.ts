import type { Schedule } from "./schedule.ts";

/** The zone in which a schedule's local times are; undefined for one that knows instants only. */
export function zoneOf(schedule: Schedule): string | undefined {
  if ("timezone" in schedule) return schedule.timezone;
  if (!("of" in schedule)) return undefined;
  return schedule.of.map(zoneOf).find((zone) => zone !== undefined);
}

/** `2026-03-08T03:30:00-04:00[America/New_York]`. */
export function localText(instant: number, timezone: string): string {
  return localTime(instant, timezone).toString();
}

export function localTime(instant: number, timezone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(timezone);
}

/** `02:30`, `02:30:15`. */
export function clockText(time: Temporal.PlainDateTime | Temporal.ZonedDateTime): string {
  const clock = time.toPlainTime();
  return clock.toString({ smallestUnit: clock.second === 0 && clock.millisecond === 0 ? "minute" : "second" });
}
