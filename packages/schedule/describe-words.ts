import { MONTH_NAMES } from "./words.ts";

/** `25 December 2026`, of `2026-12-25`. */
export function dateWords(date: string): string {
  const [year = 0, month = 0, day = 0] = date.split("-").map(Number);
  return `${day} ${MONTH_NAMES[month - 1]} ${year}`;
}

/** `09:00`, `09:00:30`, of seconds since midnight. */
export function clockTime(second: number): string {
  const [hours, minutes, seconds] = [second / 3_600, (second / 60) % 60, second % 60].map((value) =>
    String(Math.floor(value)).padStart(2, "0"),
  );
  return seconds === "00" ? `${hours}:${minutes}` : `${hours}:${minutes}:${seconds}`;
}

/** `2026-01-01T09:00:00Z`, without milliseconds if there are none. */
export function instantText(instant: number): string {
  return new Date(instant).toISOString().replace(".000Z", "Z");
}

/** As it is in the middle of a sentence, where it begins with a word of ours and not with a name. */
export function lowerFirst(sentence: string): string {
  return /^(?:At|By|Every|Never|Once) /.test(sentence)
    ? sentence.charAt(0).toLowerCase() + sentence.slice(1)
    : sentence;
}
