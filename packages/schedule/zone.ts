import { quote, ScheduleError } from "./errors.ts";

/** A stretch of time in which a zone keeps one offset: instants from `start` up to but not including `end`, in ms. */
export type Segment = {
  start: number;
  end: number;
  /** Local time minus UTC, in ms. */
  offset: number;
  /**
   * The local time (ms, as if it were UTC) up to which the zone's clocks had got when the segment began. Local times of the segment
   * below it are a second pass; those from it up to the segment's first were swallowed by a gap.
   */
  shownBefore: number;
  /** The local time from which on those of the segment come a second time, after its end; the one at its end if clocks do not go back then. */
  shownAgainFrom: number;
};

type Zone = { id: string; segments: Segment[]; last: Segment | undefined };

/** No more than there are zone names, which the runtime bounds. */
const zones = new Map<string, Zone>();

/** A zone has about two segments a year; more than this means that somebody walks through the centuries. */
const MAX_SEGMENTS = 2_000;

const IANA_NAME = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/;

/**
 * The name as the time zone database writes it (`us/eastern` gives `US/Eastern`; links stay what they are).
 * Throws ScheduleError for names that the runtime does not know, and for bare offsets such as `+02:00`.
 */
export function resolveTimeZone(name: string): string {
  // The syntax is checked here because Temporal also takes offsets and whole date-times for a zone.
  if (name.length <= 100 && IANA_NAME.test(name)) {
    try {
      return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name).timeZoneId;
    } catch {
      // told below
    }
  }
  throw new ScheduleError("TIMEZONE_UNKNOWN", `unknown time zone ${quote(name)}`, "timezone");
}

/** The segment of a zone that holds an instant. Remembered: the database is asked once per segment. */
export function segmentAt(timezone: string, instant: number): Segment {
  const zone = zoneOf(timezone);
  const last = zone.last;
  if (last !== undefined && instant >= last.start && instant < last.end) return last;

  let low = 0;
  let high = zone.segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((zone.segments[middle]?.end ?? Infinity) <= instant) low = middle + 1;
    else high = middle;
  }
  const known = zone.segments[low];
  if (known !== undefined && instant >= known.start) {
    zone.last = known;
    return known;
  }

  const segment = askForSegment(zone.id, instant);
  if (zone.segments.length >= MAX_SEGMENTS) zone.segments = [segment];
  else zone.segments.splice(low, 0, segment);
  zone.last = segment;
  return segment;
}

function zoneOf(timezone: string): Zone {
  let zone = zones.get(timezone);
  if (zone === undefined) {
    zone = { id: timezone, segments: [], last: undefined };
    zones.set(timezone, zone);
  }
  return zone;
}

function askForSegment(id: string, instant: number): Segment {
  // Offsets change on whole seconds, and "previous" means strictly before: a moment later the change at `instant` itself counts.
  const probe = Temporal.Instant.fromEpochMilliseconds(Math.floor(instant / 1000) * 1000 + 1).toZonedDateTimeISO(id);
  const previous = probe.getTimeZoneTransition("previous");
  const next = probe.getTimeZoneTransition("next");
  const offset = offsetOf(probe);
  const start = previous?.epochMilliseconds ?? -Infinity;
  const end = next?.epochMilliseconds ?? Infinity;
  return {
    start,
    end,
    offset,
    // Since 1850 no zone has changed twice within four days, so only the neighbours can overlap.
    shownBefore: previous === null ? -Infinity : start + offsetOf(previous.subtract({ milliseconds: 1 })),
    shownAgainFrom: next === null ? Infinity : end + Math.min(offset, offsetOf(next)),
  };
}

function offsetOf(time: Temporal.ZonedDateTime): number {
  return time.offsetNanoseconds / 1_000_000;
}
