import { quote, ScheduleError } from "./errors.ts";

const NANOSECONDS: Record<string, bigint> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n, // U+00B5, micro sign
  μs: 1_000n, // U+03BC, Greek mu
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
  w: 604_800_000_000_000n,
};
const COMPONENT = /(\d*)(?:\.(\d*))?([a-zµμ]+)/y;

/** Arithmetic on hundreds of digits is slow, and nobody means them. */
const MAX_LENGTH = 100;
const SHORTEST_MS = 1_000n;
/** A century of days: every sum with an instant of this age stays a date that JavaScript and Postgres can write. */
const LONGEST_MS = 36_500n * 86_400_000n;

/** ISO 8601: weeks and days, then after a T hours, minutes and seconds, of which the last may have a fraction. */
const ISO = /^P(?:([\d.,]+)W)?(?:([\d.,]+)D)?(?:T(?:([\d.,]+)H)?(?:([\d.,]+)M)?(?:([\d.,]+)S)?)?$/i;
const ISO_NUMBER = /^\d+(?:[.,]\d+)?$/;

/** Whether a text is meant as a duration of ISO 8601. */
export function looksLikeIsoDuration(text: string): boolean {
  return /^P[\dT]/i.test(text);
}

/**
 * Milliseconds of a duration in Go's notation with `d` for days of 24 hours: `1h30m`, `1.5h`, `90s`, `1500ms`, `1d`; or in that of
 * ISO 8601, where a day is 24 hours as well: `PT1H30M`, `P1D`, `P1W`.
 * Throws ScheduleError unless it is a whole number of milliseconds between 1 s and 36500d.
 */
export function parseDuration(text: string): number {
  if (text.length > MAX_LENGTH) throw invalid(text, `must have at most ${MAX_LENGTH} characters`);
  const body = goNotation(text.startsWith("+") ? text.slice(1) : text, text);
  if (body.startsWith("-")) throw invalid(text, "must be positive");
  if (/^\d+(\.\d*)?$/.test(body) && Number(body) !== 0)
    throw invalid(text, "a unit is missing, for example 90s, 5m or 2h");

  const nanoseconds = /^0+$/.test(body) ? 0n : sumOfComponents(body, text);
  if (nanoseconds < SHORTEST_MS * 1_000_000n) throw invalid(text, "must be at least 1s");
  if (nanoseconds > LONGEST_MS * 1_000_000n) throw invalid(text, "must be at most 36500d");
  if (nanoseconds % 1_000_000n !== 0n) throw invalid(text, "must be a whole number of milliseconds");
  return Number(nanoseconds / 1_000_000n);
}

function goNotation(body: string, text: string): string {
  if (!looksLikeIsoDuration(body)) return body;
  if (/^P[^T]*[YM]/i.test(body)) {
    throw invalid(text, "months and years have no fixed length; use a monthly or yearly schedule, or days");
  }
  const [, weeks, ...parts] = ISO.exec(body) ?? [];
  const amounts = [weeks, ...parts].filter((amount) => amount !== undefined);
  const whole = amounts.slice(0, -1).every((amount) => /^\d+$/.test(amount));
  if (amounts.length === 0 || body.toUpperCase().endsWith("T") || !whole || !ISO_NUMBER.test(amounts.at(-1) ?? "")) {
    throw invalid(text);
  }
  return [weeks, ...parts].map((amount, index) => (amount ? amount.replace(",", ".") + "wdhms"[index] : "")).join("");
}

/** Integer arithmetic throughout: 0.1s is exactly 100 ms, and long digit strings cannot lose their end. */
function sumOfComponents(body: string, text: string): bigint {
  let total = 0n;
  let position = 0;
  do {
    COMPONENT.lastIndex = position;
    const component = COMPONENT.exec(body);
    const [, whole = "", fraction = "", unit = ""] = component ?? [];
    const scale = Object.hasOwn(NANOSECONDS, unit) ? NANOSECONDS[unit] : undefined;
    if (scale === undefined || whole + fraction === "") throw invalid(text, correction(body));
    const divisor = 10n ** BigInt(fraction.length);
    const scaled = BigInt(whole + fraction) * scale;
    if (scaled % divisor !== 0n) throw invalid(text, "must be a whole number of milliseconds");
    total += scaled / divisor;
    position = COMPONENT.lastIndex;
  } while (position < body.length);
  return total;
}

/** What to write instead of `5 minutes`, `5 m` or `5M`; undefined for what is none of these. */
function correction(body: string): string | undefined {
  const [, amount, unit] =
    /^(\d+(?:\.\d+)?)\s*(ms|millis(?:econds?)?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)$/i.exec(
      body,
    ) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  return `write ${amount}${/^mill|^ms$/i.test(unit) ? "ms" : unit.slice(0, 1).toLowerCase()}`;
}

function invalid(text: string, why?: string): ScheduleError {
  return new ScheduleError("DURATION_INVALID", `parse duration ${quote(text)}: invalid${why ? `, ${why}` : ""}`);
}

/** The shortest notation that `parseDuration` reads back to the same milliseconds: `1h30m`, `1d`, `1s500ms`. */
export function formatDuration(ms: number): string {
  const units: [string, number][] = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1_000],
    ["ms", 1],
  ];
  let rest = ms;
  let text = "";
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}
