/**
 * Some of the seconds of a day (in UTC), and where in their second instants can lie: `phase` ms after a multiple of `grain` ms,
 * which divides 1,000. Times on whole seconds have phase 0 of 1,000, times about which nothing is known 0 of 1.
 */
export type SecondsOfDay = { bits: Uint32Array; grain: number; phase: number };

export const DAY_SECONDS = 86_400;
const WORDS = DAY_SECONDS / 32;

const NO_SECONDS: SecondsOfDay = { bits: new Uint32Array(WORDS), grain: 1_000, phase: 0 };
export const ALL_SECONDS: SecondsOfDay = { bits: new Uint32Array(WORDS).fill(0xffffffff), grain: 1, phase: 0 };

/** Seconds may be any whole numbers: they are taken around the clock. */
export function fromSeconds(seconds: Iterable<number>, grain = 1_000, phase = 0): SecondsOfDay {
  const bits = new Uint32Array(WORDS);
  for (const second of seconds) {
    const s = around(second, DAY_SECONDS);
    bits[s >>> 5] = (bits[s >>> 5] ?? 0) | (1 << (s & 31));
  }
  return { bits, grain, phase };
}

/** The seconds of both, or more if they differ in what they know of the milliseconds. */
export const eitherOf = remembered((a, b) => {
  if (isEmpty(a)) return b;
  if (isEmpty(b)) return a;
  const bits = wordByWord(a, b, (x, y) => x | y);
  const isSame = a.grain === b.grain && a.phase === b.phase;
  return isSame ? { ...a, bits } : { bits, grain: 1, phase: 0 };
});

export const bothOf = remembered((a, b) => {
  const [fine, coarse] = a.grain <= b.grain ? [a, b] : [b, a];
  // Both divide 1,000, and the few pairs of which neither divides the other are left to the search.
  if (coarse.grain % fine.grain === 0 && around(coarse.phase, fine.grain) !== fine.phase) return NO_SECONDS;
  return { ...coarse, bits: wordByWord(a, b, (x, y) => x & y) };
});

/** Those of the first whose second the other does not have at all. */
export const without = remembered((a, b) => ({ ...a, bits: wordByWord(a, b, (x, y) => x & ~y) }));

/** Whether instants of the two that have a second in common are the same. */
export function isSameMillisecond(a: SecondsOfDay, b: SecondsOfDay): boolean {
  return a.grain === 1_000 && b.grain === 1_000 && a.phase === b.phase;
}

export function isEmpty({ bits }: SecondsOfDay): boolean {
  return nextWords(bits)[0] === WORDS;
}

/** The same few are put together for each half year of a century. */
function remembered(join: (a: SecondsOfDay, b: SecondsOfDay) => SecondsOfDay): typeof join {
  const known = new WeakMap<SecondsOfDay, WeakMap<SecondsOfDay, SecondsOfDay>>();
  return (a, b) => {
    const ofA = known.get(a) ?? new WeakMap<SecondsOfDay, SecondsOfDay>();
    known.set(a, ofA);
    const result = ofA.get(b) ?? join(a, b);
    ofA.set(b, result);
    return result;
  };
}

function wordByWord(a: SecondsOfDay, b: SecondsOfDay, join: (x: number, y: number) => number): Uint32Array {
  const bits = new Uint32Array(WORDS);
  for (let i = 0; i < WORDS; i++) bits[i] = join(a.bits[i] as number, b.bits[i] as number);
  return bits;
}

/** The first instant that is not before `from` and can be one of them; Infinity if there are none. */
export function firstInstant(seconds: SecondsOfDay, from: number): number {
  const isExact = seconds.grain === 1_000;
  const first = isExact ? Math.ceil((from - seconds.phase) / 1_000) : Math.floor(from / 1_000);
  const second = around(first, DAY_SECONDS);
  const wait = nextSecond(seconds.bits, second) - second;
  return isExact ? (first + wait) * 1_000 + seconds.phase : Math.max(from, (first + wait) * 1_000);
}

/** The first second that is not before one; those of the next day are beyond 86,400. */
function nextSecond(bits: Uint32Array, second: number): number {
  const here = (bits[second >>> 5] as number) >>> (second & 31);
  if (here !== 0) return second + lowestBit(here);
  const next = nextWords(bits);
  const word = next[(second >>> 5) + 1] as number;
  if (word < WORDS) return word * 32 + lowestBit(bits[word] as number);
  const first = next[0] as number;
  return first < WORDS ? DAY_SECONDS + first * 32 + lowestBit(bits[first] as number) : Infinity;
}

const wordsOf = new WeakMap<Uint32Array, Uint16Array>();

/** For each word the first one from it on that is not empty: nearly all are where a schedule runs once a day. */
function nextWords(bits: Uint32Array): Uint16Array {
  let next = wordsOf.get(bits);
  if (next === undefined) {
    next = new Uint16Array(WORDS + 1);
    next[WORDS] = WORDS;
    for (let i = WORDS - 1; i >= 0; i--) next[i] = bits[i] === 0 ? (next[i + 1] as number) : i;
    wordsOf.set(bits, next);
  }
  return next;
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

function around(value: number, modulus: number): number {
  return value - Math.floor(value / modulus) * modulus;
}
