/** The parts of an RRULE (RFC 5545, 3.3.10), in capitals and in one spelling: `FREQ` to `DAILY`, `BYHOUR` to `9,17`. */
export type RruleParts = Map<string, string>;

export const FREQUENCIES = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"] as const;
export type Frequency = (typeof FREQUENCIES)[number];

type Part = {
  /** What one value must be, in words. */
  allowed: string;
  isValid: (value: string) => boolean;
  list?: true;
  /** Not with these frequencies. */
  not?: readonly Frequency[];
};

const SUBDAILY: readonly Frequency[] = ["HOURLY", "MINUTELY", "SECONDLY"];

export const PARTS: Readonly<Record<string, Part>> = {
  FREQ: { allowed: `one of ${FREQUENCIES.join(", ")}`, isValid: (value) => FREQUENCIES.some((name) => name === value) },
  INTERVAL: { allowed: "a whole number from 1 to 1000000", isValid: number(1, 1_000_000) },
  COUNT: { allowed: "a whole number from 1 to 1000; more can be had with max_runs or end", isValid: number(1, 1_000) },
  UNTIL: {
    allowed: "a date or a date and time, such as 20261231 or 20261231T235959Z",
    isValid: (value) => /^\d{8}(?:T\d{6}Z?)?$/.test(value),
  },
  BYSECOND: { allowed: "0-59", isValid: number(0, 59), list: true },
  BYMINUTE: { allowed: "0-59", isValid: number(0, 59), list: true },
  BYHOUR: { allowed: "0-23", isValid: number(0, 23), list: true },
  BYDAY: {
    allowed: "MO, TU, WE, TH, FR, SA or SU; with MONTHLY and YEARLY also 1MO for the first, -1FR for the last",
    isValid: (value) => /^(?:[+-]?(?:[1-9]|[1-4]\d|5[0-2]))?(?:MO|TU|WE|TH|FR|SA|SU)$/.test(value),
    list: true,
  },
  BYMONTHDAY: { allowed: "1 to 31 or -1 to -31", isValid: signed(31), list: true, not: ["WEEKLY"] },
  BYYEARDAY: {
    allowed: "1 to 366 or -1 to -366",
    isValid: signed(366),
    list: true,
    not: ["DAILY", "WEEKLY", "MONTHLY"],
  },
  BYWEEKNO: {
    allowed: "1 to 53 or -1 to -53",
    isValid: signed(53),
    list: true,
    not: ["MONTHLY", "WEEKLY", "DAILY", ...SUBDAILY],
  },
  BYMONTH: { allowed: "1-12", isValid: number(1, 12), list: true },
  BYSETPOS: { allowed: "1 to 366 or -1 to -366", isValid: signed(366), list: true },
  WKST: { allowed: "MO, TU, WE, TH, FR, SA or SU", isValid: (value) => /^(?:MO|TU|WE|TH|FR|SA|SU)$/.test(value) },
};

/**
 * The parts of a rule, or what is wrong with it in words. The library that reads them next drops unknown parts and values out of
 * range without a word.
 */
export function readParts(rule: string): RruleParts | string {
  const parts: RruleParts = new Map();
  for (const piece of rule.split(";").filter((piece) => piece !== "")) {
    const [name = "", value = "", ...rest] = piece.split("=");
    const part = Object.hasOwn(PARTS, name) ? PARTS[name] : undefined;
    if (part === undefined || rest.length > 0) return `${name} is not one of ${Object.keys(PARTS).join(", ")}`;
    if (parts.has(name)) return `${name} is given twice`;
    const values = part.list ? value.split(",") : [value];
    if (!values.every(part.isValid)) return `${name} must be ${part.allowed}`;
    parts.set(name, [...new Set(values.map((one) => one.replace(/^\+/, "")))].join(","));
  }
  return misfit(parts) ?? parts;
}

/** What the RFC rules out although each part is right by itself. */
function misfit(parts: RruleParts): string | null {
  const frequency = parts.get("FREQ") as Frequency | undefined;
  if (frequency === undefined) return "FREQ is required";
  if (parts.has("COUNT") && parts.has("UNTIL")) return "COUNT and UNTIL exclude each other";
  for (const name of parts.keys()) {
    if (PARTS[name]?.not?.includes(frequency)) return `${name} has no meaning with FREQ=${frequency}`;
  }
  const numbered = /\d/.test(parts.get("BYDAY") ?? "");
  if (numbered && frequency !== "MONTHLY" && (frequency !== "YEARLY" || parts.has("BYWEEKNO"))) {
    return "BYDAY can have numbers only with FREQ=MONTHLY, and with FREQ=YEARLY without BYWEEKNO";
  }
  // The years of weeks are not those of days.
  if (parts.has("BYWEEKNO") && (parts.has("BYMONTHDAY") || parts.has("BYYEARDAY"))) {
    return "BYWEEKNO cannot stand with BYMONTHDAY or BYYEARDAY";
  }
  const others = [...parts.keys()].filter((name) => name.startsWith("BY") && name !== "BYSETPOS");
  if (parts.has("BYSETPOS") && others.length === 0) return "BYSETPOS needs another BY… part to choose from";
  return null;
}

/** Whether it is one of hours, minutes or seconds. */
export function isSubdaily(parts: RruleParts): boolean {
  return SUBDAILY.some((frequency) => frequency === parts.get("FREQ"));
}

/** No rule can have more instants in one of its periods (years for YEARLY, and so on) than this. */
export function sizeOfPeriod(parts: RruleParts): number {
  const frequency = parts.get("FREQ");
  // What is smaller than a period unfolds it; what is not merely chooses among periods.
  const unfolding =
    frequency === "SECONDLY"
      ? []
      : frequency === "MINUTELY"
        ? ["BYSECOND"]
        : frequency === "HOURLY"
          ? ["BYMINUTE", "BYSECOND"]
          : ["BYHOUR", "BYMINUTE", "BYSECOND"];
  return unfolding.reduce((size, name) => size * (countOf(parts, name) ?? 1), daysOfPeriod(parts));
}

function daysOfPeriod(parts: RruleParts): number {
  const weekdays = countOf(parts, "BYDAY") ?? 0;
  const plain = parts.get("BYDAY")?.match(/(?<!\d)[A-Z]{2}/g)?.length ?? 0;
  const numbered = weekdays - plain;
  const monthDays = countOf(parts, "BYMONTHDAY");
  const months = countOf(parts, "BYMONTH");
  switch (parts.get("FREQ")) {
    case "WEEKLY":
      return weekdays || 1;
    case "MONTHLY":
      return monthDays ?? (plain * 5 + numbered || 1);
    case "YEARLY": {
      const yearDays = countOf(parts, "BYYEARDAY");
      const weeks = countOf(parts, "BYWEEKNO");
      if (yearDays !== undefined) return yearDays;
      if (monthDays !== undefined) return monthDays * (months ?? 12);
      if (weeks !== undefined) return weeks * (weekdays || 1);
      if (weekdays > 0) return plain * 5 * (months ?? 11) + numbered * (months ?? 1);
      return months ?? 1;
    }
    default:
      return 1;
  }
}

function countOf(parts: RruleParts, name: string): number | undefined {
  return parts.get(name)?.split(",").length;
}

const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether its parts alone show that a rule never has an occurrence: 30 February, the fifth of three. What they do not show, a search does. */
export function isNever(parts: RruleParts): boolean {
  const numbers = (name: string) => parts.get(name)?.split(",").map(Number);
  const monthDays = numbers("BYMONTHDAY");
  const longest = Math.max(...(numbers("BYMONTH") ?? [1]).map((month) => LONGEST_MONTHS[month - 1] ?? 31));
  if (monthDays?.every((day) => Math.abs(day) > longest)) return true;
  const size = sizeOfPeriod(parts);
  return numbers("BYSETPOS")?.every((position) => Math.abs(position) > size) ?? false;
}

function number(min: number, max: number): (value: string) => boolean {
  return (value) => /^\d{1,7}$/.test(value) && Number(value) >= min && Number(value) <= max;
}

function signed(max: number): (value: string) => boolean {
  return (value) => /^[+-]?\d{1,3}$/.test(value) && number(1, max)(value.replace(/^[+-]/, ""));
}
