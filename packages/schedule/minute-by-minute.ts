/*
 * For tests: a second implementation, as plain as can be. It asks Temporal for the offset of every minute, writes down what the
 * clocks show, and applies the rule as it is written. Nothing of the product's search, zone cache or parsing is used.
 */

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** A local minute, `at` as if it were UTC. */
export type Minute = {
  at: number;
  minute: number;
  hour: number;
  day: number;
  month: number;
  year: number;
  weekday: number;
};

/** What a zone's clocks show from one instant to another, and which local minutes they jump over. Both lie on whole minutes. */
export type Window = {
  zone: string;
  start: number;
  end: number;
  shown: { local: Minute; instants: number[] }[];
  skipped: { local: Minute; next: number; shifted: number }[];
};

type Rule = { gap: "shift" | "next" | "skip"; fold: "first" | "last" | "both" };

/** The clocks around an instant. No other change may be so near that only one side of it is seen. */
export function lookAt(zone: string, middle: number, reach: number): Window {
  const start = Math.floor((middle - reach) / MINUTE) * MINUTE;
  const end = Math.ceil((middle + reach) / MINUTE) * MINUTE;
  const shown = new Map<number, { local: Minute; instants: number[] }>();
  const skipped: Window["skipped"] = [];
  let before = offsetAt(zone, start);
  for (let at = start; at <= end; at += MINUTE) {
    const offset = offsetAt(zone, at);
    if (offset % MINUTE !== 0) throw new Error(`${zone} has an offset of ${offset} ms, which this cannot do`);
    for (let civil = at + before; civil < at + offset; civil += MINUTE) {
      skipped.push({ local: minuteOf(civil), next: at, shifted: civil - before });
    }
    const local = shown.get(at + offset);
    if (local === undefined) shown.set(at + offset, { local: minuteOf(at + offset), instants: [at] });
    else local.instants.push(at);
    before = offset;
  }
  return { zone, start, end, shown: [...shown.values()], skipped };
}

function offsetAt(zone: string, at: number): number {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).offsetNanoseconds / 1_000_000;
}

function minuteOf(at: number): Minute {
  const date = new Date(at);
  return {
    at,
    minute: date.getUTCMinutes(),
    hour: date.getUTCHours(),
    day: date.getUTCDate(),
    month: date.getUTCMonth() + 1,
    year: date.getUTCFullYear(),
    weekday: date.getUTCDay(),
  };
}

/** The instants of a window after its first minute, at which one of `seconds` of a matching local minute comes under a rule. */
export function expectedInstants(
  { start, end, shown, skipped }: Window,
  matches: (local: Minute) => boolean,
  seconds: readonly number[],
  { gap, fold }: Rule,
): number[] {
  const found = new Set<number>();
  for (const { local, instants } of shown) {
    if (!matches(local)) continue;
    const kept = fold === "both" ? instants : fold === "first" ? instants.slice(0, 1) : instants.slice(-1);
    for (const at of kept) for (const second of seconds) found.add(at + second * 1000);
  }
  for (const { local, next, shifted } of skipped) {
    if (gap === "skip" || !matches(local)) continue;
    for (const second of seconds) found.add(gap === "next" ? next : shifted + second * 1000);
  }
  return [...found].filter((at) => at > start + MINUTE && at <= end).sort((a, b) => a - b);
}

/** An expression of 5 or 6 fields, each of them `*`, `a`, `a-b`, one of these with a step, or a list of them. */
export function readCron(text: string): { matches: (local: Minute) => boolean; seconds: number[]; vixie: Rule } {
  const fields = text.split(" ");
  if (fields.length === 5) fields.unshift("0");
  const [second = "", minute = "", hour = "", day = "", month = "", weekday = ""] = fields;
  const [seconds, minutes, hours, days, months, weekdays] = [
    members(second, 0, 59),
    members(minute, 0, 59),
    members(hour, 0, 23),
    members(day, 1, 31),
    members(month, 1, 12),
    members(weekday, 0, 6),
  ];
  const either = day !== "*" && weekday !== "*";
  return {
    matches: (local) => {
      if (!minutes.has(local.minute) || !hours.has(local.hour) || !months.has(local.month)) return false;
      const [byDay, byWeekday] = [days.has(local.day), weekdays.has(local.weekday)];
      return either ? byDay || byWeekday : byDay && byWeekday;
    },
    seconds: [...seconds],
    vixie:
      minute.startsWith("*") || hour.startsWith("*") ? { gap: "skip", fold: "both" } : { gap: "next", fold: "first" },
  };
}

function members(field: string, min: number, max: number): Set<number> {
  const found = new Set<number>();
  for (let value = min; value <= max; value++) {
    const held = field.split(",").some((item) => {
      const [range = "", step = "1"] = item.split("/");
      const [from = 0, to = from] = range === "*" ? [min, max] : range.split("-").map(Number);
      return value >= from && value <= to && (value - from) % Number(step) === 0;
    });
    if (held) found.add(value);
  }
  return found;
}
