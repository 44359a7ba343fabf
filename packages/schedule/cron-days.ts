/** Whether a day of a month matches, given the month's length and the weekday (0 is Sunday) of its first day. */
export type DayTest = (day: number, daysInMonth: number, firstWeekday: number) => boolean;

/**
 * `L` is the last day, `L-3` three days before it, `15W` the weekday (Monday to Friday) that is nearest to the 15th in the same
 * month, `LW` and `L-3W` the one nearest to those. A month that does not have the day has no match.
 */
export function dayOfMonthTest(item: string): DayTest | undefined {
  const [, last, before = "0", number, nearest] = /^(?:(L)(?:-(\d{1,2}))?|(\d{1,2})(?=W))(W)?$/.exec(item) ?? [];
  if (last === undefined && number === undefined) return undefined;
  if (Number(before) > 30 || Number(number ?? 1) < 1 || Number(number ?? 1) > 31) return undefined;
  return (day, daysInMonth, firstWeekday) => {
    const named = number === undefined ? daysInMonth - Number(before) : Number(number);
    if (named < 1 || named > daysInMonth) return false;
    return day === (nearest === undefined ? named : nearestWeekday(named, daysInMonth, firstWeekday));
  };
}

function nearestWeekday(day: number, daysInMonth: number, firstWeekday: number): number {
  const weekday = (firstWeekday + day - 1) % 7;
  if (weekday === 6) return day > 1 ? day - 1 : day + 2;
  if (weekday === 0) return day < daysInMonth ? day + 1 : day - 2;
  return day;
}

/** `5L` is the last Friday of the month, `1#2` its second Monday. */
export function dayOfWeekTest(item: string, numberOf: (text: string) => number | undefined): DayTest | undefined {
  const [, name, nth] = /^([^L#]+)(?:L|#([1-5]))$/.exec(item) ?? [];
  const value = name === undefined ? undefined : numberOf(name);
  if (value === undefined) return undefined;
  return (day, daysInMonth, firstWeekday) =>
    (firstWeekday + day - 1) % 7 === value % 7 &&
    (nth === undefined ? day + 7 > daysInMonth : Math.ceil(day / 7) === Number(nth));
}
