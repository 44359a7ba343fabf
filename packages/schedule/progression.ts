import { MAX_INSTANT } from "./instant.ts";
import type { IntervalSchedule } from "./interval.ts";
import type { OnceSchedule } from "./once.ts";

/**
 * The instants that all of some intervals have, by the Chinese remainder theorem: an interval of their least common multiple, one
 * instant if the next one lies beyond the end of time, or null if they never meet.
 */
export function commonInstants(intervals: readonly IntervalSchedule[]): IntervalSchedule | OnceSchedule | null {
  let every = 1n;
  let residue = 0n;
  let earliest = -Infinity;
  for (const { everyMs, anchor } of intervals) {
    const step = BigInt(everyMs);
    const divisor = gcd(every, step);
    const difference = BigInt(anchor) - residue;
    if (difference % divisor !== 0n) return null;
    const modulus = step / divisor;
    const turns = mod((difference / divisor) * inverse(every / divisor, modulus), modulus);
    residue += every * turns;
    every *= modulus;
    residue = mod(residue, every);
    // An interval's first occurrence is one step after its anchor.
    earliest = Math.max(earliest, anchor + everyMs);
  }
  const first = BigInt(earliest) + mod(residue - BigInt(earliest), every);
  if (first > BigInt(MAX_INSTANT)) return null;
  if (first + every > BigInt(MAX_INSTANT)) return { type: "once", at: Number(first) };
  return { type: "interval", everyMs: Number(every), anchor: Number(first - every) };
}

const mod = (value: bigint, modulus: bigint): bigint => ((value % modulus) + modulus) % modulus;

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}

/** By Euclid's extended algorithm; the two have no common divisor. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [r0, r1] = [modulus, mod(value, modulus)];
  let [t0, t1] = [0n, 1n];
  while (r1 > 0n) {
    const quotient = r0 / r1;
    [r0, r1] = [r1, r0 - quotient * r1];
    [t0, t1] = [t1, t0 - quotient * t1];
  }
  return mod(t0, modulus);
}
