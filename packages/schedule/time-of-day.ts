import { refused, type Where } from "./parse-options.ts";

const CLOCK = /^(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?\s*(?:([ap])\.?m\.?)?$/;

/** `HH:MM` or `HH:MM:SS` of `9:00`, `09:00:30`, `9`, `2 AM`, `2:30pm`, `noon`, `midnight`; null if it is no time of day. */
export function timeOfDay(text: string): string | null {
  const lower = text.trim().toLowerCase();
  if (lower === "noon") return "12:00";
  if (lower === "midnight") return "00:00";
  const [, hours, minutes = "00", seconds = "00", half] = CLOCK.exec(lower) ?? [];
  if (hours === undefined || Number(minutes) > 59 || Number(seconds) > 59) return null;
  let hour = Number(hours);
  if (half !== undefined) {
    if (hour < 1 || hour > 12) return null;
    hour = (hour % 12) + (half === "p" ? 12 : 0);
  }
  if (hour > 23) return null;
  return `${String(hour).padStart(2, "0")}:${minutes}${seconds === "00" ? "" : `:${seconds}`}`;
}

export function parseTimeOfDay(text: string, where: Where): string {
  const time = timeOfDay(text);
  if (time !== null) return time;
  throw refused(where, "TIME_INVALID", text, "must be a time of day, such as 09:00, 17:30:15 or 2 AM");
}

/** `02:00-04:00` in seconds since midnight. `24:00` may end it, and one that ends before it begins goes over midnight. */
export function parseWindow(text: string, where: Where): { from: number; to: number } {
  const [begin = "", end = "", ...rest] = text.split(/\s*[-\u2013]\s*/);
  const from = secondsOf(begin);
  const to = end.trim() === "24:00" ? 86_400 : secondsOf(end);
  if (from === null || to === null || rest.length > 0) {
    throw refused(where, "TIME_INVALID", text, "must be a window of the day, such as 02:00-04:00 or 22:00-06:00");
  }
  if (from === to) throw refused(where, "TIME_INVALID", text, "must end at another time than it begins");
  return { from, to };
}

function secondsOf(text: string): number | null {
  const [hours = 0, minutes = 0, seconds = 0] = timeOfDay(text)?.split(":").map(Number) ?? [];
  return timeOfDay(text) === null ? null : hours * 3600 + minutes * 60 + seconds;
}
