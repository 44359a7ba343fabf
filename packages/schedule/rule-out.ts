import { type CalendarSchedule, secondOfDay } from "./calendar.ts";
import { DAY_MS } from "./civil.ts";
import type { CronSchedule } from "./cron.ts";
import { hasDate, isDaily, timesOfCron } from "./cron-times.ts";
import { dstRuleOf, type LocalSchedule } from "./dst-rule-of.ts";
import type { IntervalSchedule } from "./interval.ts";
import { commonInstants } from "./progression.ts";
import type { RestrictedSchedule } from "./restricted.ts";
import { restrictionsOf } from "./restrictions.ts";
import type { Schedule } from "./schedule.ts";
import type { Search } from "./search.ts";
import { ALL_SECONDS, DAY_SECONDS, firstInstant, fromSeconds, type SecondsOfDay } from "./seconds-of-day.ts";
import {
  bothTimes,
  eitherOfCertainTimes,
  eitherTimes,
  firstOfTimes,
  type Times,
  withoutCertainTimes,
  withoutTimes,
} from "./times.ts";
import { type Segment, segmentAt } from "./zone.ts";

/** What holds from the instant that was asked for up to, but not including, `until`. */
type Stretch = { times: Times; until: number };

/** A stretch costs as much as some four questions, and so do that many turns of an interval. */
const STEPS_OF_A_STRETCH = 4;
const TURNS_OF_A_STRETCH = 128;
/** Then the search goes on by itself for a while: it may be quicker where days are what rules out. */
const MAX_STRETCHES = 32;

/**
 * An instant, not before `from`, before which a schedule certainly has no occurrence. It says nothing about the instant itself.
 *
 * A search that goes from occurrence to occurrence of the inner schedules would walk for years through those that can never fit:
 * odd minutes and even ones, a cron at noon and a window at night. Here they are compared as times of day, which stay what they are
 * as long as no clock is changed: half a year is ruled out at once.
 */
export function ruleOut(schedule: Schedule, from: number, search: Search): number {
  const intervals = intervalsOf(schedule);
  const interval = intervals.length === 0 ? EVERY_INSTANT : commonInstants(intervals);
  if (interval === null) return Infinity;
  if (interval.type === "once") return interval.at >= from ? interval.at : Infinity;
  let instant = from;
  for (let stretch = 0; stretch < MAX_STRETCHES && instant <= search.limit; stretch++) {
    search.step(schedule, STEPS_OF_A_STRETCH);
    search.spend(STEPS_OF_A_STRETCH * partsOf(schedule));
    const { times, until } = possible(schedule, instant);
    for (let turn = 0; turn < TURNS_OF_A_STRETCH; turn++) {
      const candidate = firstOfTimes(times, instant);
      if (candidate >= until) {
        instant = until;
        break;
      }
      // An interval of 25 hours comes to each hour on another day: to and fro between what it has and what is possible.
      instant = nextOf(interval, candidate);
      if (instant === candidate) return instant;
      if (instant >= until) break;
    }
  }
  return instant;
}

const parts = new WeakMap<Schedule, number>();

function partsOf(schedule: Schedule): number {
  let count = parts.get(schedule);
  if (count === undefined) {
    count = "of" in schedule ? [schedule.of].flat().reduce((sum, inner) => sum + partsOf(inner), 1) : 1;
    parts.set(schedule, count);
  }
  return count;
}

/** Every millisecond is one: what holds if no interval is involved. */
const EVERY_INSTANT: IntervalSchedule = { type: "interval", everyMs: 1, anchor: -1e15 };

/** The intervals of whose instants every occurrence is one. */
function intervalsOf(schedule: Schedule): IntervalSchedule[] {
  switch (schedule.type) {
    case "interval":
      return [schedule];
    case "all":
      return schedule.of.flatMap(intervalsOf);
    case "except":
      return schedule.of.slice(0, 1).flatMap(intervalsOf);
    case "restricted":
      return schedule.move === undefined ? intervalsOf(schedule.of) : [];
    default:
      return [];
  }
}

function nextOf({ everyMs, anchor }: IntervalSchedule, notBefore: number): number {
  return anchor + Math.max(1, Math.ceil((notBefore - anchor) / everyMs)) * everyMs;
}

/** The times of day at which a schedule can have an occurrence, at all others it has none. */
function possible(schedule: Schedule, at: number): Stretch {
  switch (schedule.type) {
    case "cron":
      return possibleInZone(schedule, at, (offset) => timesOfCron(schedule, offset));
    case "calendar":
      return possibleInZone(schedule, at, (offset) => timesOfCalendar(schedule, offset));
    case "interval":
      return { times: [timesOfInterval(schedule)], until: Infinity };
    case "any":
      return schedule.of.map((inner) => possible(inner, at)).reduce(either, NEVER);
    case "all":
      return schedule.of.map((inner) => possible(inner, at)).reduce(both, ALWAYS);
    case "except": {
      const [first, ...others] = schedule.of;
      if (first === undefined) return NEVER;
      // Those that hold longest come first: where they leave nothing, the others set no end.
      const certainly = others.map((inner) => certain(inner, at)).sort((a, b) => b.until - a.until);
      return certainly.reduce(lessCertain, possible(first, at));
    }
    case "restricted":
      return possibleInWindows(schedule, at);
    default:
      return ALWAYS;
  }
}

/** The times of day at which a schedule certainly has an occurrence, on whole seconds. */
function certain(schedule: Schedule, at: number): Stretch {
  switch (schedule.type) {
    case "cron":
      return certainOfCron(schedule, at);
    case "interval": {
      const { everyMs, anchor } = schedule;
      const times = timesOfInterval(schedule);
      // It comes at the same times each day, from one interval after its anchor on.
      if (DAY_MS % everyMs !== 0 || times.grain !== 1_000) return NEVER;
      return at > anchor ? { times: [times], until: Infinity } : { times: [], until: anchor + 1 };
    }
    case "any":
      return schedule.of.map((inner) => certain(inner, at)).reduce(eitherCertain, NEVER);
    case "all": {
      const [first, ...others] = schedule.of.map((inner) => certain(inner, at));
      return others.reduce(both, first ?? NEVER);
    }
    case "except": {
      const [first, ...others] = schedule.of;
      return first === undefined ? NEVER : others.map((inner) => possible(inner, at)).reduce(less, certain(first, at));
    }
    case "restricted":
      return certainInWindows(schedule, at);
    default:
      return NEVER;
  }
}

const NEVER: Stretch = { times: [], until: Infinity };
const ALWAYS: Stretch = { times: [ALL_SECONDS], until: Infinity };

const joined =
  (join: (a: Times, b: Times) => Times) =>
  (a: Stretch, b: Stretch): Stretch => ({ times: join(a.times, b.times), until: Math.min(a.until, b.until) });

const either = joined(eitherTimes);
const eitherCertain = joined(eitherOfCertainTimes);
const less = joined(withoutTimes);

/** Where one of the two rules out all, the other does not matter. */
function both(a: Stretch, b: Stretch): Stretch {
  if (a.times.length === 0) return a;
  return b.times.length === 0 ? b : joined(bothTimes)(a, b);
}

function lessCertain(a: Stretch, b: Stretch): Stretch {
  return a.times.length === 0 ? a : joined(withoutCertainTimes)(a, b);
}

function possibleInZone(schedule: LocalSchedule, at: number, timesAt: (offset: number) => SecondsOfDay): Stretch {
  const segment = segmentAt(schedule.timezone, at);
  const { start, end, offset } = segment;
  const gap = gapOf(segment);
  const own = { times: [timesAt(offset)], until: end };
  if (gap <= 0 || at >= start + gap) return own;
  const swallowed = timesAt(offset - gap);
  if (firstInstant(swallowed, start) >= start + gap) return own;
  switch (dstRuleOf(schedule).gap) {
    case "skip":
      return own;
    case "next":
      return at === start ? { ...ALWAYS, until: at + 1 } : own;
    case "shift":
      // Later by the gap's length: at what the clocks would have shown without it.
      return { times: eitherTimes(own.times, [swallowed]), until: Math.min(end, start + gap) };
  }
}

/** How far the clocks went forward when a segment began; negative if they went back. */
function gapOf({ start, offset, shownBefore }: Segment): number {
  return start === -Infinity ? 0 : start + offset - shownBefore;
}

function certainOfCron(schedule: CronSchedule, at: number): Stretch {
  const segment = segmentAt(schedule.timezone, at);
  const { start, end, offset, shownAgainFrom } = segment;
  const none = (until: number): Stretch => ({ times: [], until });
  let until = end;
  // Local times that come twice do not do so for a schedule that runs once for each.
  if (dstRuleOf(schedule).fold !== "both") {
    const secondPass = start - gapOf(segment);
    if (at < secondPass) return none(Math.min(secondPass, end));
    const firstPass = Math.min(shownAgainFrom - offset, end);
    if (at >= firstPass) return none(end);
    until = firstPass;
  }
  if (isDaily(schedule)) return { times: [timesOfCron(schedule, offset)], until };
  const day = Math.floor((at + offset) / DAY_MS);
  until = Math.min(until, (day + 1) * DAY_MS - offset);
  return hasDate(schedule, day) ? { times: [timesOfCron(schedule, offset)], until } : none(until);
}

const calendarTimes = new WeakMap<CalendarSchedule, Map<number, SecondsOfDay>>();

function timesOfCalendar(schedule: CalendarSchedule, offset: number): SecondsOfDay {
  const byOffset = calendarTimes.get(schedule) ?? new Map<number, SecondsOfDay>();
  calendarTimes.set(schedule, byOffset);
  const times = byOffset.get(offset) ?? fromSeconds(schedule.times.map((time) => secondOfDay(time) - offset / 1_000));
  byOffset.set(offset, times);
  return times;
}

const intervalTimes = new WeakMap<IntervalSchedule, SecondsOfDay>();

/** An interval comes to all times of day that differ by what it and the day can both be divided by. */
function timesOfInterval(schedule: IntervalSchedule): SecondsOfDay {
  let times = intervalTimes.get(schedule);
  if (times === undefined) {
    const { everyMs, anchor } = schedule;
    const apart = divisor(everyMs, DAY_MS);
    const grain = divisor(everyMs, 1_000);
    const phase = ((anchor % grain) + grain) % grain;
    const count = Math.min(DAY_MS / apart, DAY_SECONDS);
    const instants = Array.from({ length: count }, (_, n) => Math.floor((anchor + n * apart) / 1_000));
    times = apart < 1_000 ? { ...ALL_SECONDS, grain, phase } : fromSeconds(instants, grain, phase);
    intervalTimes.set(schedule, times);
  }
  return times;
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

function possibleInWindows(schedule: RestrictedSchedule, at: number): Stretch {
  const { end = Infinity, start = -Infinity } = schedule;
  if (at >= end) return NEVER;
  // Whatever is moved keeps its local time and not its time in UTC.
  const inner = schedule.move === undefined ? possible(schedule.of, at) : ALWAYS;
  const segment = segmentAt(schedule.timezone, at);
  const until = Math.min(inner.until, segment.end, end);
  if (at < start) return { times: [], until: Math.min(until, start) };
  if (schedule.windows === undefined) return { times: inner.times, until };
  return { times: bothTimes(inner.times, [windowTimes(schedule, segment.offset)]), until };
}

function certainInWindows(schedule: RestrictedSchedule, at: number): Stretch {
  const { end = Infinity, start = -Infinity } = schedule;
  const { allows, allowsAll } = restrictionsOf(schedule);
  if (at >= end) return NEVER;
  if (at < start) return { times: [], until: start };
  const inner = certain(schedule.of, at);
  const segment = segmentAt(schedule.timezone, at);
  const day = Math.floor((at + segment.offset) / DAY_MS);
  let until = Math.min(inner.until, segment.end, end);
  if (!allowsAll) until = Math.min(until, (day + 1) * DAY_MS - segment.offset);
  const times = windowTimes(schedule, segment.offset, allows(day), allows(day - 1));
  return { times: bothTimes(inner.times, [times]), until };
}

const windowsByOffset = new WeakMap<RestrictedSchedule, Map<string, SecondsOfDay>>();

/** The seconds of the windows: those that belong to the local day itself, and those after midnight that belong to the one before. */
function windowTimes(schedule: RestrictedSchedule, offset: number, own = true, before = true): SecondsOfDay {
  const byOffset = windowsByOffset.get(schedule) ?? new Map<string, SecondsOfDay>();
  windowsByOffset.set(schedule, byOffset);
  const key = `${offset} ${own} ${before}`;
  let times = byOffset.get(key);
  if (times === undefined) {
    const seconds: number[] = [];
    for (const { from, to } of restrictionsOf(schedule).spans) {
      for (let second = from / 1_000; second < to / 1_000; second++) {
        if (second < DAY_SECONDS ? own : before) seconds.push(second - offset / 1_000);
      }
    }
    times = fromSeconds(seconds, 1);
    byOffset.set(key, times);
  }
  return times;
}
