import { CALENDAR_MAX_DATES } from "@belfry/contract/calendar.ts";
import ICAL from "ical.js";
import { type EventTimes, eventTimes, IcalError, toDate } from "./ical-times.ts";

export type IcalOptions = {
  /** The IANA zone whose dates count for events in UTC. */
  timezone: string;
  /** In milliseconds. Events that recur count from a year before it to ten years after it. */
  now: number;
};

export type IcalDates = { dates: string[]; events: number };

// So that a date without VALUE=DATE is read, which the RFC forbids and people write.
ICAL.design.strict = false;

const DAY_MS = 86_400_000;
const PAST_MS = 366 * DAY_MS;
const FUTURE_MS = 3_653 * DAY_MS;
/** Occurrences and days that are looked at in all: a second's work. A calendar of holidays has some hundreds. */
const MAX_STEPS = 100_000;

/**
 * The civil dates that the events of an iCalendar file (RFC 5545) cover, in order. Of one at 22:00 that ends at 02:00
 * that is two, of one that ends at midnight one. Dates before 1970 are left out, as are events that are cancelled.
 * Throws IcalError for what is no such file, or has too many dates.
 */
export function icalDates(text: string, options: IcalOptions): IcalDates {
  const events = readEvents(text);
  const dates = new Set<string>();
  const left = { steps: MAX_STEPS };
  const changed = Map.groupBy(
    events.filter((event) => event.hasProperty("recurrence-id")),
    uidOf,
  );
  for (const event of events) {
    try {
      if (String(event.getFirstPropertyValue("status")).toUpperCase() === "CANCELLED") continue;
      const times = eventTimes(event, options.timezone);
      const isChange = event.hasProperty("recurrence-id");
      const begins = isChange || !recurs(event) ? [times.start] : occurrences(event, times, changed, options.now, left);
      for (const begin of begins) addDates(dates, begin, begin + times.length, left);
    } catch (error) {
      // The library reads a property when it is asked for, and throws for what it cannot read.
      throw error instanceof IcalError ? error : new IcalError(`has an event that cannot be read: ${said(error)}`);
    }
  }
  return { dates: [...dates].sort(), events: events.length };
}

const said = (error: unknown): string => (error as Error).message.slice(0, 200).toWellFormed();

function readEvents(text: string): ICAL.Component[] {
  let parsed: unknown[];
  try {
    parsed = ICAL.parse(text);
  } catch (error) {
    throw new IcalError(`is no iCalendar file: ${said(error)}`);
  }
  // Several calendars in one file come as a list of components, a single one as itself.
  const components = (typeof parsed[0] === "string" ? [parsed] : parsed).map(
    (component) => new ICAL.Component(component as unknown[]),
  );
  if (components.length === 0 || components.some(({ name }) => name !== "vcalendar"))
    throw new IcalError("is no iCalendar file: it must begin with BEGIN:VCALENDAR");
  for (const calendar of components) {
    // Local times are all that is asked for, and a file's own zones could be made to cost as much as one likes.
    calendar.removeAllSubcomponents("vtimezone");
  }
  return components.flatMap((calendar) => calendar.getAllSubcomponents("vevent"));
}

const uidOf = (event: ICAL.Component): string => String(event.getFirstPropertyValue("uid"));

const recurs = (event: ICAL.Component): boolean => event.hasProperty("rrule") || event.hasProperty("rdate");

/** Of an event that recurs, but for those that another event stands in for. In local milliseconds. */
function* occurrences(
  event: ICAL.Component,
  times: EventTimes,
  changed: ReadonlyMap<string, ICAL.Component[]>,
  now: number,
  left: { steps: number },
): Generator<number> {
  // The library passes over it in silence, and finds the days of every week.
  if (event.getAllProperties("rrule").some((rule) => /BYWEEKNO/i.test(rule.toICALString())))
    throw new IcalError(`${times.name} recurs by the number of the week (BYWEEKNO), which is not supported`);
  // Of these it loses some.
  if (
    event
      .getAllProperties("rrule")
      .some((rule) => /(?=.*YEARLY)(?=.*BYMONTHDAY)(?=.*BYDAY=[^;]*\d)/i.test(rule.toICALString()))
  )
    throw new IcalError(`${times.name} recurs by both BYMONTHDAY and a numbered BYDAY, which is not supported`);
  for (const rule of event.getAllProperties("rrule")) byMonths(rule.getFirstValue(), times.first, times.name);
  const elsewhere = new Set((changed.get(uidOf(event)) ?? []).map((change) => times.localOf(change, "recurrence-id")));
  const expansion = new ICAL.RecurExpansion({ component: event, dtstart: times.first });
  // Its types say null at the end, and a Time where RDATE may give a Period.
  const next = (): ICAL.Time | ICAL.Period | null | undefined => expansion.next();
  const firstYear = new Date(now - PAST_MS).getUTCFullYear();
  for (let time = next(); time; time = next()) {
    if (--left.steps < 0) throw new IcalError(`${times.name} recurs too often`);
    const at = "start" in time ? time.start : time;
    if (at.year < firstYear - 1) continue;
    const begin = times.shift(at);
    if (begin > now + FUTURE_MS) return;
    if (begin >= now - PAST_MS && !elsewhere.has(begin)) yield begin;
  }
}

/**
 * In years the library makes 1 March of 29 February, and 3 March of the 31st of February; in months it leaves them out. So the days of
 * a year are made those of its months, of which the start is one if the rule does not name any.
 */
function byMonths(rule: unknown, { month, day }: ICAL.Time, name: string): void {
  if (!(rule instanceof ICAL.Recur) || rule.freq !== "YEARLY") return;
  const has = (part: string) => rule.getComponent(part).length > 0;
  if (has("BYYEARDAY") || (has("BYDAY") && !has("BYMONTHDAY"))) return;
  if (!has("BYMONTHDAY")) {
    if (!has("BYMONTH")) rule.setComponent("BYMONTH", [month]);
    rule.setComponent("BYMONTHDAY", [day]);
  }
  if (rule.interval === 1 && !has("BYSETPOS")) {
    rule.freq = "MONTHLY";
  } else if (
    rule.getComponent("BYMONTH").length !== 1 &&
    rule.getComponent("BYMONTHDAY").some((one) => Math.abs(one) > 28)
  ) {
    throw new IcalError(
      `${name} recurs on days that not all of its months have, which is supported in every year only`,
    );
  }
}

function addDates(dates: Set<string>, begin: number, end: number, left: { steps: number }): void {
  const last = Math.max(begin, end - 1);
  for (let day = Math.max(0, Math.floor(begin / DAY_MS)); day * DAY_MS <= last; day++) {
    dates.add(toDate(day * DAY_MS));
    if (dates.size > CALENDAR_MAX_DATES || --left.steps < 0)
      throw new IcalError(`has more than ${CALENDAR_MAX_DATES} dates, which is more than a calendar may have`);
  }
}
