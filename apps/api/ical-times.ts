import ICAL from "ical.js";

/** A file that cannot be imported; the message goes on where "the file" ends. */
export class IcalError extends Error {}

/** When an event is, in local milliseconds: those of its zone's clocks, as if they showed UTC. */
export type EventTimes = {
  /** What to call it in messages. */
  name: string;
  start: number;
  length: number;
  /** Its DTSTART, to count from. */
  first: ICAL.Time;
  /** The local time of another occurrence. */
  shift(occurrence: ICAL.Time): number;
  /** The local time of a property of an event that belongs to it. */
  localOf(event: ICAL.Component, property: string): number;
};

const DAY_MS = 86_400_000;

/**
 * Times in UTC are shown in the zone of the event's DTSTART, or in `timezone` if that has none. Throws IcalError for an
 * event without a DTSTART, and for times that there are not.
 */
export function eventTimes(event: ICAL.Component, timezone: string): EventTimes {
  const name = nameOf(event);
  const begin = event.getFirstProperty("dtstart");
  const first = begin?.getFirstValue();
  if (!begin || !(first instanceof ICAL.Time)) throw new IcalError(`${name} has no DTSTART`);
  const zone = knownZone(begin.getFirstParameter("tzid")) ?? timezone;
  const localOf = (of: ICAL.Component, property: string) => parse(of.getFirstProperty(property), zone, name);
  const start = localOf(event, "dtstart");
  return {
    name,
    start,
    length: lengthOf(event, start, first.isDate, localOf),
    first,
    shift: (time) => localMs(isoOf(time), zone, name),
    localOf,
  };
}

function nameOf(event: ICAL.Component): string {
  const name = event.getFirstPropertyValue("summary") ?? event.getFirstPropertyValue("uid") ?? "without a name";
  return `the event "${String(name).slice(0, 80)}"`.toWellFormed();
}

function lengthOf(event: ICAL.Component, start: number, isDate: boolean, localOf: EventTimes["localOf"]): number {
  const duration = event.getFirstPropertyValue("duration");
  const length = event.hasProperty("dtend")
    ? localOf(event, "dtend") - start
    : duration instanceof ICAL.Duration
      ? duration.toSeconds() * 1_000
      : 0;
  // A day is the least that one without a time takes.
  return Math.max(length, isDate ? DAY_MS : 0);
}

function parse(property: ICAL.Property | null, zone: string, name: string): number {
  // As it was written: the library's own values have been made into some date, whatever was there.
  const written: unknown = property?.toJSON()[3];
  return localMs(String(written), zone, name);
}

/** Of `2026-12-25`, `2026-12-25T10:00:00` or `2026-12-25T10:00:00Z`. */
function localMs(iso: string, zone: string, name: string): number {
  try {
    const local = iso.endsWith("Z")
      ? Temporal.Instant.from(iso).toZonedDateTimeISO(zone).toPlainDateTime()
      : Temporal.PlainDateTime.from(iso, { overflow: "reject" });
    return local.toZonedDateTime("UTC").epochMilliseconds;
  } catch {
    throw new IcalError(`${name} has a time that there is not: ${JSON.stringify(iso.slice(0, 40))}`);
  }
}

const isoOf = (time: ICAL.Time): string => {
  const [year, month, day, hour, minute, second] = [
    time.year,
    time.month,
    time.day,
    time.hour,
    time.minute,
    time.second,
  ].map((part, i) => String(part).padStart(i === 0 ? 4 : 2, "0"));
  const isUtc = time.zone === ICAL.Timezone.utcTimezone;
  return `${year}-${month}-${day}${time.isDate ? "" : `T${hour}:${minute}:${second}${isUtc ? "Z" : ""}`}`;
};

/** The names of Windows and of a file's own zones are none that this runtime knows: their local times are taken as they are. */
function knownZone(name: string | undefined | null): string | null {
  try {
    return name ? Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name).timeZoneId : null;
  } catch {
    return null;
  }
}

/** The civil date of a local time. */
export const toDate = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
