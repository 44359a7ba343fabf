import {
  bothOf,
  eitherOf,
  firstInstant,
  isEmpty,
  isSameMillisecond,
  type SecondsOfDay,
  without,
} from "./seconds-of-day.ts";

/** Times of day: some seconds for each place in a second at which instants lie. */
export type Times = readonly SecondsOfDay[];

/** Intervals that were begun at so many different milliseconds are told apart; more are not. */
const MAX_PLACES = 8;

/** The times of both, or more. */
export function eitherTimes(a: Times, b: Times): Times {
  const times = union(a, b);
  return times.length <= MAX_PLACES ? times : [times.reduce((x, y) => eitherOf(x, y))];
}

/** The times of both, or less. */
export function eitherOfCertainTimes(a: Times, b: Times): Times {
  return union(a, b).slice(0, MAX_PLACES);
}

export function bothTimes(a: Times, b: Times): Times {
  const times = a.flatMap((x) => b.map((y) => bothOf(x, y)));
  return times.filter((x) => !isEmpty(x)).reduce<Times>((found, x) => union(found, [x]), []);
}

/** Those of the first of which the second has not even the second. */
export function withoutTimes(a: Times, b: Times): Times {
  return some(a.map((x) => b.reduce((rest, y) => without(rest, y), x)));
}

/** Those of the first that the second, whose times are certain, does not have to the millisecond. */
export function withoutCertainTimes(a: Times, b: Times): Times {
  return some(a.map((x) => b.filter((y) => isSameMillisecond(x, y)).reduce((rest, y) => without(rest, y), x)));
}

/** The first instant that is not before `from` and can be one of them; Infinity if there are none. */
export function firstOfTimes(times: Times, from: number): number {
  return Math.min(...times.map((x) => firstInstant(x, from)));
}

function union(a: Times, b: Times): Times {
  const result = [...a];
  for (const times of b) {
    const i = result.findIndex((x) => x.grain === times.grain && x.phase === times.phase);
    const known = result[i];
    if (known === undefined) result.push(times);
    else result[i] = eitherOf(known, times);
  }
  return result;
}

const some = (times: Times): Times => times.filter((x) => !isEmpty(x));
