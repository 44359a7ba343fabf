import { RRuleTemporal } from "rrule-temporal";
import { MAX_INSTANT } from "./instant.ts";
import { firstAfter } from "./instants.ts";
import { instantAt, readByDays } from "./rrule-days.ts";
import { isSubdaily, type RruleParts, readParts } from "./rrule-parts.ts";

/**
 * A recurrence rule of RFC 5545, counted from `start`, a local date and time of the zone. `rule` has a line `RRULE:` and may have
 * lines `RDATE:` and `EXDATE:` with instants in UTC. Local times that a gap swallows are left out, and of those that come twice the first
 * counts, as 3.3.10 wants it; `FREQ=HOURLY` too goes once through an hour that comes twice. With an INTERVAL, hours are elapsed time, and so are
 * minutes and seconds always. A start in a gap is left out too; rules of hours and less count from as much later as the gap is long.
 */
export type RruleSchedule = { type: "rrule"; rule: string; start: string; timezone: string };

/**
 * How many periods without an occurrence are searched before the rule counts as over. It bounds what a hostile rule costs, and is far above
 * what the calendar makes anybody wait: 40 years for 29 February on a given weekday, across 2100.
 */
const MAX_EMPTY_PERIODS: Readonly<Record<string, number>> = { YEARLY: 120, MONTHLY: 600, WEEKLY: 600, DAILY: 4_000 };
const MAX_EMPTY_SUBDAILY = 500;

/** How many occurrences are fetched at once for somebody who walks on, about: one costs nearly as much as all of them. */
const BLOCK = 64;
const LONGEST_SPAN_MS = 10 * 366 * 86_400_000;

/** Who finds the instants of a rule. */
type Finder = {
  /** Those from one instant to another, both included. */
  between: (from: number, to: number) => number[];
  next: (after: number) => number | null;
  /** All, as far as they can be found; for a rule with a COUNT. */
  all: () => number[];
};

type Compiled = {
  finder: Finder;
  /** All instants of the rule if it has a COUNT: to find them again from the start each time would be quadratic. */
  all: number[] | null;
  added: number[];
  excluded: ReadonlySet<number>;
  /** What was found last, on which nothing depends but the time that a search takes: the instants after `after` and not later than `upTo`. */
  block: { after: number; upTo: number; at: number[] };
  /** What the next block spans, in ms: adapted so that one has about BLOCK instants. */
  span: number;
  given: number | null;
};

const MAX_COMPILED = 1_000;
const compiled = new Map<string, Compiled>();

/** The first occurrence strictly after an instant, or null when there is none that can be found in bounded time. */
export function nextRrule(schedule: RruleSchedule, after: number): number | null {
  const rule = compile(schedule);
  let last = after;
  for (;;) {
    const fromRule = nextOf(rule, last) ?? Infinity;
    const added = rule.added[firstAfter(rule.added, last)] ?? Infinity;
    const next = Math.min(fromRule, added);
    if (next > MAX_INSTANT) return null;
    if (!rule.excluded.has(next)) return next;
    last = next;
  }
}

function nextOf(rule: Compiled, after: number): number | null {
  if (rule.all !== null) return rule.all[firstAfter(rule.all, after)] ?? null;
  const { block, given } = rule;
  const isKnown = after >= block.after && after < block.upTo;
  const known = isKnown ? block.at[firstAfter(block.at, after)] : undefined;
  const from = isKnown ? block.upTo : after;
  rule.given = known ?? (after === given ? firstOfBlock(rule, from) : undefined) ?? rule.finder.next(from);
  return rule.given;
}

function firstOfBlock(rule: Compiled, after: number): number | undefined {
  const upTo = Math.min(after + rule.span, MAX_INSTANT);
  if (upTo <= after) return undefined;
  try {
    const at = rule.finder.between(after + 1, upTo);
    // One without any says nothing of how dense they are where there are some.
    if (at.length > 0)
      rule.span = Math.min(LONGEST_SPAN_MS, Math.max(1_000, rule.span * Math.min(2, BLOCK / at.length)));
    rule.block = { after, upTo, at };
    return at[0];
  } catch {
    return undefined;
  }
}

function compile(schedule: RruleSchedule): Compiled {
  const key = `${schedule.timezone} ${schedule.start} ${schedule.rule}`;
  let rule = compiled.get(key);
  if (rule === undefined) {
    rule = compileAnew(schedule);
    const oldest = compiled.size < MAX_COMPILED ? undefined : compiled.keys().next().value;
    if (oldest !== undefined) compiled.delete(oldest);
    compiled.set(key, rule);
  }
  return rule;
}

function compileAnew({ rule, start, timezone }: RruleSchedule): Compiled {
  const lines = rule.split("\n");
  const valuesOf = (name: string) =>
    lines.filter((line) => line.startsWith(`${name}:`)).flatMap((line) => line.slice(name.length + 1).split(","));
  const recurrence = lines.find((line) => line.startsWith("RRULE:"))?.slice("RRULE:".length) ?? "";
  const read = readParts(recurrence);
  const parts = typeof read === "string" ? new Map<string, string>() : read;
  const finder = isForDays(parts, start, timezone)
    ? daysFinder(parts, start, timezone)
    : library(parts, start, timezone);
  return {
    finder,
    all: parts.has("COUNT") ? finder.all() : null,
    added: valuesOf("RDATE")
      .map(utcOf)
      .sort((a, b) => a - b),
    excluded: new Set(valuesOf("EXDATE").map(utcOf)),
    block: { after: 0, upTo: 0, at: [] },
    span: 60_000,
    given: null,
  };
}

/**
 * The library takes a year's days by number or by week, and its nth weekdays, as they are, whatever else limits them; and it cannot start at
 * a local time that there is not.
 */
function isForDays(parts: RruleParts, start: string, timezone: string): boolean {
  if (!parts.has("FREQ") || isSubdaily(parts)) return false;
  const isNumbered = parts.has("BYWEEKNO") || parts.has("BYYEARDAY") || /\d/.test(parts.get("BYDAY") ?? "");
  return (parts.get("FREQ") === "YEARLY" && isNumbered) || instantAt(Date.parse(`${start}Z`), timezone) === null;
}

function daysFinder(parts: RruleParts, start: string, timezone: string): Finder {
  const instantsFrom = readByDays(parts, start, timezone);
  return {
    between: (from, to) => [...until(to, instantsFrom(from))],
    next: (after) => instantsFrom(after + 1).next().value ?? null,
    all: () => [...instantsFrom(-MAX_INSTANT).take(Number(parts.get("COUNT")))],
  };
}

function* until(last: number, instants: Iterable<number>): Generator<number> {
  for (const instant of instants) {
    if (instant > last) return;
    yield instant;
  }
}

function library(parts: RruleParts, start: string, timezone: string): Finder {
  const rule = new RRuleTemporal({
    rruleString: [...monthByMonth(parts)].map(([name, value]) => `${name}=${value}`).join(";"),
    dtstart: Temporal.PlainDateTime.from(start).toZonedDateTime(timezone),
    maxIterations: MAX_EMPTY_PERIODS[monthByMonth(parts).get("FREQ") ?? ""] ?? MAX_EMPTY_SUBDAILY,
    cache: false,
  });
  return {
    between: (from, to) =>
      rule.between(new Date(from), new Date(to), true).map(({ epochMilliseconds }) => epochMilliseconds),
    next(after) {
      try {
        return rule.next(new Date(after))?.epochMilliseconds ?? null;
      } catch {
        // It gave up after so many periods, or came to the end of the calendar.
        return null;
      }
    },
    all: () => countOut(rule),
  };
}

/** The library goes through a rule of days day by day; the same days of each month it finds at once, 29 February on a Monday too. */
function monthByMonth(parts: RruleParts): RruleParts {
  const same = parts.get("FREQ") === "DAILY" && (parts.get("INTERVAL") ?? "1") === "1" && parts.has("BYMONTHDAY");
  return same && !parts.has("BYSETPOS") ? new Map([...parts, ["FREQ", "MONTHLY"]]) : parts;
}

function countOut(library: RRuleTemporal): number[] {
  const all: number[] = [];
  try {
    library.all(({ epochMilliseconds }) => {
      all.push(epochMilliseconds);
      return epochMilliseconds < MAX_INSTANT;
    });
  } catch {
    // Those that it found before it gave up are all that there are.
  }
  return all;
}

/** `20260101T090000Z`. */
function utcOf(text: string): number {
  return Temporal.Instant.from(text).epochMilliseconds;
}
