import { createRandom, type Random } from "./random.ts";

/** What carries the queue. */
export type Backend = "redis" | "postgres";

/** What can be done to a cluster, what it is done to, and for how long. Milliseconds. */
const KINDS = {
  "scheduler-kill": { on: "scheduler", min: 0, max: 0 },
  "scheduler-stop": { on: "scheduler", min: 0, max: 0 },
  "scheduler-freeze": { on: "scheduler", min: 1_000, max: 12_000 },
  "schedulers-freeze": { on: "schedulers", min: 2_000, max: 9_000 },
  "worker-kill": { on: "worker", min: 0, max: 0 },
  "worker-stop": { on: "worker", min: 0, max: 0 },
  "worker-freeze": { on: "worker", min: 1_000, max: 12_000 },
  "workers-freeze": { on: "workers", min: 2_000, max: 13_000 },
  "workers-kill": { on: "workers", min: 0, max: 0 },
  "api-kill": { on: "api", min: 0, max: 0 },
  "api-freeze": { on: "api", min: 500, max: 6_000 },
  "api-replies-cut": { on: "api-proxy", min: 2_000, max: 5_000 },
  "target-kill": { on: "target", min: 0, max: 0 },
  "target-freeze": { on: "target", min: 300, max: 3_000 },
  "clock-skew": { on: "any", min: 5_000, max: 12_000 },
  "postgres-restart": { on: "postgres", min: 100, max: 4_000 },
  "postgres-immediate": { on: "postgres", min: 100, max: 4_000 },
  "postgres-backend-kill": { on: "postgres", min: 0, max: 0 },
  "postgres-backend-freeze": { on: "backend", min: 500, max: 5_000 },
  "postgres-exhausted": { on: "postgres", min: 2_000, max: 6_000 },
  "postgres-cut": { on: "any", min: 200, max: 6_000 },
  "postgres-half-open": { on: "any", min: 4_000, max: 15_000 },
  "postgres-silent": { on: "any", min: 1_000, max: 9_000 },
  "postgres-commit-cut": { on: "any", min: 1_000, max: 4_000 },
  "redis-flush": { on: "redis", min: 0, max: 0 },
  "redis-flush-full": { on: "redis", min: 1_000, max: 2_500 },
  "redis-kill": { on: "redis", min: 200, max: 6_000 },
  "redis-freeze": { on: "redis", min: 500, max: 8_000 },
  "redis-cut": { on: "any", min: 200, max: 5_000 },
  "redis-half-open": { on: "any", min: 3_000, max: 12_000 },
} as const;

export type FaultKind = keyof typeof KINDS;

export type Fault = {
  /** Milliseconds after the beginning of the run. */
  at: number;
  kind: FaultKind;
  /** Which of the processes, for kinds that are done to one; any number, to be taken modulo their number. */
  index: number;
  durationMs: number;
};

export const FAULT_KINDS = Object.keys(KINDS) as FaultKind[];

/** At the beginning, to see how late things are by themselves, and again after each storm. */
const FIRST_CALM_MS = 8_000;
const CALM_MS = 12_000;
const STORM_MS = 100_000;
const MEAN_GAP_MS = 3_500;
const MAX_AT_ONCE = 3;
/** A server that restarts is busy for some seconds afterwards. */
const SERVER_REST_MS = 5_000;
/** Long enough that jobs of every second have more misfires than get a row each. */
const OUTAGE_MS = 75_000;

type Ground = { backend: Backend; hasFaketime: boolean; only?: readonly FaultKind[] | null };

/** The faults of a run, in the order in which they begin. Follows from its arguments alone. */
export function planFaults(seed: number, minutes: number, { backend, hasFaketime, only }: Ground): Fault[] {
  const random = createRandom(seed ^ 0xfa017);
  const kinds = (only ?? FAULT_KINDS).filter((kind) => isPossible(kind, backend, hasFaketime));
  if (kinds.length === 0) return [];
  const endMs = minutes * 60_000;
  const faults: Fault[] = [];
  let deck: FaultKind[] = [];
  for (let at = FIRST_CALM_MS; ; ) {
    at += random.exponential(MEAN_GAP_MS);
    if (at >= endMs) break;
    if ((at - FIRST_CALM_MS) % (STORM_MS + CALM_MS) > STORM_MS) continue;
    if (deck.length === 0) deck = random.shuffled(kinds);
    const fault = makeFault(at, deck[0] as FaultKind, random);
    if (!fits(fault, faults, endMs)) {
      // Its turn comes later.
      deck.push(deck.shift() as FaultKind);
      continue;
    }
    deck.shift();
    faults.push(fault);
  }
  return minutes < 5 || only ? faults : withLongOutage(faults, endMs);
}

function isPossible(kind: FaultKind, backend: Backend, hasFaketime: boolean): boolean {
  if (kind === "clock-skew") return hasFaketime;
  return backend === "redis" || !kind.startsWith("redis-");
}

function makeFault(at: number, kind: FaultKind, random: Random): Fault {
  const { min, max } = KINDS[kind];
  return { at: Math.round(at), kind, index: random.whole(0, 999), durationMs: random.whole(min, max) };
}

const untilOf = ({ at, durationMs }: Fault): number => at + durationMs;
const resourceOf = ({ kind }: Fault): string => KINDS[kind].on;

function fits(fault: Fault, others: readonly Fault[], endMs: number): boolean {
  if (untilOf(fault) > endMs) return false;
  const now = others.filter((other) => untilOf(other) > fault.at);
  if (now.length >= MAX_AT_ONCE) return false;
  const resource = resourceOf(fault);
  if (resource === "any") return now.every((other) => other.kind !== fault.kind);
  const rest = resource === "postgres" ? SERVER_REST_MS : 0;
  return others.every((other) => resourceOf(other) !== resource || untilOf(other) + rest <= fault.at);
}

/** All schedulers away for long, with nothing else going on beside it. */
function withLongOutage(faults: readonly Fault[], endMs: number): Fault[] {
  const at = Math.round(endMs / 2);
  const outage: Fault = { at, kind: "schedulers-freeze", index: 0, durationMs: OUTAGE_MS };
  const others = faults.filter((fault) => untilOf(fault) < at || fault.at > untilOf(outage));
  return [...others, outage].sort((a, b) => a.at - b.at);
}
