/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[], last = "and"): string {
  return items.length < 2 ? (items[0] ?? "") : `${items.slice(0, -1).join(", ")} ${last} ${items.at(-1)}`;
}

/** `1st`, `2nd`, `3rd`, `11th`. */
export function ordinal(value: number): string {
  const teen = value % 100 >= 11 && value % 100 <= 13;
  return `${value}${(teen ? undefined : ["", "st", "nd", "rd"][value % 10]) || "th"}`;
}

export const WEEKDAY_NAMES = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

export const MONTH_NAMES = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/** `every Monday`, `Monday to Friday`, `Saturday and Sunday`; 0 is Sunday, which closes the week here. */
export function weekdayList(weekdays: readonly number[]): string {
  if (weekdays.length === 7) return "every day";
  const [only] = weekdays;
  if (weekdays.length === 1 && only !== undefined) return `every ${WEEKDAY_NAMES[only]}`;
  return ranges(
    weekdays.map((day) => (day === 0 ? 7 : day)),
    (day) => WEEKDAY_NAMES[day % 7] ?? "",
  );
}

/** `January`, `June to August`, `March and September`; 1 is January. */
export function monthList(months: readonly number[]): string {
  return ranges(months, (month) => MONTH_NAMES[month - 1] ?? "");
}

/** Three neighbours and more are told as a range. */
export function ranges(values: readonly number[], word: (value: number) => string): string {
  const sorted = [...values].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; ) {
    const first = sorted[i] ?? 0;
    let length = 1;
    while (sorted[i + length] === first + length) length++;
    if (length > 2) parts.push(`${word(first)} to ${word(first + length - 1)}`);
    else for (let j = 0; j < length; j++) parts.push(word(first + j));
    i += length;
  }
  return listed(parts);
}

/** How many whole days, weeks, months or years: `every month`, `every 3 months`. */
export function everyNth(interval: number, unit: string): string {
  return interval === 1 ? `every ${unit}` : `every ${interval} ${unit}s`;
}

/** The nth of its kind in a month, from its end if negative: `second`, `last`, `second to last`. */
export function nthWord(nth: number): string {
  const word = ["", "first", "second", "third", "fourth", "fifth"][Math.abs(nth)] ?? ordinal(Math.abs(nth));
  if (nth > 0) return word;
  return nth === -1 ? "last" : `${word} to last`;
}
