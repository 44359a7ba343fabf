import type { Call, JobPatch, JobWish, Policies } from "./history.ts";
import { createRandom, type Random } from "./random.ts";

/** A call that the client is to make. `function` names one of `FUNCTIONS`, for creations. */
export type PlannedCall = { at: number; job: number; call: Call; function?: FunctionName };

/** How the target behaves under each path, and how often a job uses it. */
export const FUNCTIONS = {
  fast: { weight: 40, check: true, timeout_ms: 5_000 },
  nocheck: { weight: 10, check: false, timeout_ms: 5_000 },
  slow: { weight: 12, check: true, timeout_ms: 8_000 },
  pondering: { weight: 4, check: true, timeout_ms: 8_000 },
  failing: { weight: 12, check: true, timeout_ms: 5_000 },
  declining: { weight: 8, check: true, timeout_ms: 5_000 },
  hanging: { weight: 6, check: true, timeout_ms: 1_500 },
  poison: { weight: 8, check: true, timeout_ms: 5_000 },
  broken: { weight: 0, check: false, timeout_ms: 5_000 },
  /** The only module, which the workers have: some of its executions end their process. */
  killer: { weight: 0, check: false, timeout_ms: 5_000 },
} as const;
export type FunctionName = keyof typeof FUNCTIONS;

const ZONES = ["UTC", "Europe/Lisbon", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"];
/** Schedules with their period in seconds. */
const SCHEDULES: readonly (readonly [text: string, seconds: number, weight: number])[] = [
  ["@every 1s", 1, 36],
  ["* * * * * *", 1, 16],
  ["@every 2s", 2, 12],
  ["*/2 * * * * *", 2, 10],
  ["1-59/3 * * * * *", 3, 6],
  ["@every 5s", 5, 6],
  ["*/10 * * * * *", 10, 4],
  ["* * * * *", 60, 3],
  // Every second of every other minute: of which, the time zone says.
  ["* */2 * * * *", 2, 4],
  ["* 1-59/2 * * * *", 2, 4],
];
/** Calls besides creations: how many a second, and of which kind how often. */
const CALLS_PER_SECOND = 2;
const CALLS = {
  pause: 16,
  disable: 8,
  delete: 6,
  resume: 3,
  schedule: 18,
  timezone: 6,
  payload: 6,
  policies: 10,
  max_runs: 6,
  run: 20,
  cancel: 10,
};
type CallKind = keyof typeof CALLS;

/** What a run is about that is after something in particular; without these it is about everything. */
export type Traffic = {
  /** Each as often as the others. */
  functions?: readonly FunctionName[];
  schedules?: readonly string[];
  zones?: readonly string[];
  /** What each job has in common with the others. */
  wish?: Partial<JobWish>;
  /** Whether the first job is one whose executions may kill their workers. */
  killer?: boolean;
  /** How many of the jobs are left alone until failures pause them. */
  autoPaused?: number;
  callsPerSecond?: number;
  calls?: Partial<Record<CallKind, number>>;
};

const EVERYTHING: Traffic = { killer: true, autoPaused: 0.04 };

/** Most jobs are there from the beginning: created within this time, or within as much for each occurrence a second. */
const EARLY_MS = 3_000;
const EARLY_MS_EACH = 40;
const EARLY = 0.85;
/** A schedule of one instant lies so far ahead that a call which has to be repeated is not too late for it. */
const ONCE_AHEAD_MS = 40_000;

/** Stands for an instant so many milliseconds after the beginning, which a plan cannot know. */
export const ONCE_PREFIX = "once+";

/** What the client does, in order of time. Follows from its arguments alone. */
export function planCalls(seed: number, minutes: number, rate: number, traffic: Traffic = EVERYTHING): PlannedCall[] {
  const random = createRandom(seed ^ 0xca115);
  const endMs = minutes * 60_000;
  const perSecond = traffic.callsPerSecond ?? CALLS_PER_SECOND;
  const earlyMs = Math.min(endMs / 2, Math.max(EARLY_MS, rate * EARLY_MS_EACH));
  const calls: PlannedCall[] = [];
  const jobs: Planned[] = [];
  if (traffic.killer) {
    const { wish } = makeWish(random, 0, { ...traffic, schedules: traffic.schedules ?? ["*/10 * * * * *"] });
    jobs.push({ at: 0, wish, isOnce: false, maxRuns: wish.max_runs, isAlone: false });
    calls.push({ at: 0, job: 0, call: { op: "create", wish }, function: "killer" });
  }
  // Some are paused at any time, so a few more than the rate asks for.
  for (let due = 0; due < rate * 1.3; ) {
    const at = random.chance(EARLY) ? random.whole(0, earlyMs) : random.whole(earlyMs, Math.floor(endMs * 0.8));
    const isAlone = random.chance(traffic.autoPaused ?? 0);
    const { wish, seconds } = makeWish(random, at, isAlone ? { ...traffic, wish: makeFragile(random) } : traffic);
    const job = jobs.length;
    jobs.push({ at, wish, isOnce: seconds === null, maxRuns: wish.max_runs, isAlone });
    const fn = isAlone ? random.pick(FAILING) : pickFunction(random, traffic);
    calls.push({ at, job, call: { op: "create", wish }, function: fn });
    due += seconds === null ? 0 : 1 / seconds;
  }
  if (perSecond === 0) return calls.sort((a, b) => a.at - b.at);
  for (let at = 2_000; at < endMs; at += random.exponential(1_000 / perSecond)) {
    const known = jobs.filter((job) => job.at < at - 500 && !job.isAlone);
    if (known.length === 0) continue;
    const job = random.pick(known);
    calls.push(...makeCalls(random, Math.round(at), jobs.indexOf(job), job, endMs, traffic));
  }
  return calls.sort((a, b) => a.at - b.at);
}

type Planned = { at: number; wish: JobWish; isOnce: boolean; maxRuns: number; isAlone: boolean };

const FAILING: readonly FunctionName[] = ["failing", "broken"];

/** A job that some failures in a row pause. Nothing else ends it, and none of its executions waits for another. */
const makeFragile = (random: Random): Partial<JobWish> => ({
  auto_pause_after: random.whole(2, 5),
  max_runs: 0,
  enabled: true,
  overlap: { policy: "allow", max_instances: 1, max_queued: 1 },
  retry: { attempts: 1, backoff_ms: 0, max_backoff_ms: 0, jitter: 0 },
});

function weighted<T>(random: Random, choices: readonly (readonly [T, number])[]): T {
  let left = random.next() * choices.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [choice, weight] of choices) {
    left -= weight;
    if (left < 0) return choice;
  }
  throw new Error("nothing to choose from");
}

function pickFunction(random: Random, { functions }: Traffic): FunctionName {
  if (functions) return random.pick(functions);
  return weighted(
    random,
    Object.entries(FUNCTIONS).map(([name, { weight }]) => [name as FunctionName, weight] as const),
  );
}

function pickSchedule(random: Random, { schedules }: Traffic): { text: string; seconds: number } {
  return weighted(
    random,
    SCHEDULES.filter(([text]) => schedules?.includes(text) ?? true).map(
      ([text, seconds, weight]) => [{ text, seconds }, weight] as const,
    ),
  );
}

function makeWish(random: Random, at: number, traffic: Traffic): { wish: JobWish; seconds: number | null } {
  const isOnce = traffic.schedules === undefined && random.chance(0.1);
  const { text, seconds } = pickSchedule(random, traffic);
  const schedule = isOnce ? `${ONCE_PREFIX}${at + ONCE_AHEAD_MS + random.whole(0, 10_000)}` : text;
  const wish: JobWish = {
    schedule,
    timezone: random.pick(traffic.zones ?? ZONES),
    max_runs: random.chance(0.12) ? random.whole(3, 60) : 0,
    enabled: !random.chance(0.05),
    auto_pause_after: 0,
    ...makePolicies(random),
    ...traffic.wish,
  };
  return { wish, seconds: isOnce ? null : seconds };
}

function makePolicies(random: Random): Policies {
  return {
    misfire: {
      policy: random.pick(["skip", "run_once", "run_all"]),
      grace_ms: random.pick([500, 1_000, 3_000, 60_000]),
      max_runs: random.pick([2, 10, 100]),
      max_age_ms: random.pick([5_000, 60_000, 86_400_000]),
    },
    overlap: {
      policy: weighted(random, [
        ["allow", 50],
        ["skip", 20],
        ["queue", 15],
        ["cancel_running", 15],
      ]),
      max_instances: random.whole(1, 3),
      max_queued: random.whole(1, 10),
    },
    retry: {
      attempts: random.pick([1, 1, 3, 5]),
      backoff_ms: random.pick([0, 100, 1_000]),
      max_backoff_ms: 2_000,
      jitter: random.pick([0, 0.5]),
    },
    delivery: random.chance(0.25) ? "at_most_once" : "at_least_once",
  };
}

/** One or more of them anew. */
function pickPolicies(random: Random, { wish }: Traffic): JobPatch {
  const policies = Object.entries({ ...makePolicies(random), ...wish }) as [keyof Policies, never][];
  const picked = policies.filter(([name]) => POLICIES.has(name) && random.chance(0.4));
  return Object.fromEntries(picked.length > 0 ? picked : policies.slice(0, 1));
}

const POLICIES: ReadonlySet<string> = new Set<keyof Policies>(["misfire", "overlap", "retry", "delivery"]);

function makeCalls(
  random: Random,
  at: number,
  job: number,
  planned: Planned,
  endMs: number,
  traffic: Traffic,
): PlannedCall[] {
  const later = (): number => Math.min(endMs, at + random.whole(0, 6_000));
  const one = (call: Call): PlannedCall[] => [{ at, job, call }];
  const kind = weighted(random, Object.entries(traffic.calls ?? CALLS) as [CallKind, number][]);
  const enable: Call = { op: "patch", patch: { enabled: true } };
  /** What stops a job comes often when something of it is pending, which is where it can go wrong. */
  const stop = (call: Call): PlannedCall[] => [...(random.chance(0.6) ? one({ op: "run" }) : []), ...one(call)];
  switch (kind) {
    case "pause":
      return [...stop({ op: "pause" }), { at: later(), job, call: { op: "resume" } }];
    case "disable":
      return [...stop({ op: "patch", patch: { enabled: false } }), { at: later(), job, call: enable }];
    case "delete":
      return [...stop({ op: "delete" }), ...(random.chance(0.7) ? [{ at: later(), job, call: enable }] : [])];
    case "schedule":
      return one({ op: "patch", patch: { schedule: pickSchedule(random, traffic).text } });
    case "timezone":
      // A job of one instant that is over cannot be planned again.
      return planned.isOnce
        ? one({ op: "resume" })
        : one({ op: "patch", patch: { timezone: random.pick(traffic.zones ?? ZONES) } });
    case "payload":
      return one({ op: "patch", patch: { payload: { at } } });
    case "policies":
      return one({ op: "patch", patch: pickPolicies(random, traffic) });
    case "max_runs":
      if (planned.maxRuns === 0) return one({ op: "run" });
      planned.maxRuns += random.whole(5, 30);
      return one({ op: "patch", patch: { max_runs: planned.maxRuns } });
    case "cancel":
      // There is something to cancel then.
      return [...one({ op: "run" }), ...one({ op: "cancel" })];
    default:
      return one({ op: kind });
  }
}
