import { parseArgs } from "node:util";

/** Every case, with the parts of those that have some. A part can be asked for by itself: `--only lateness-1000`. */
export const CASES = {
  throughput: [],
  lateness: [
    "lateness-idle",
    "lateness-200",
    "lateness-1000",
    "lateness-5000",
    "lateness-burst-10000",
    "lateness-burst-50000",
  ],
  scale: [],
  http: [],
  sandbox: [],
  fairness: [],
  api: [],
  "scale-out": [],
  start: [],
  "next-run": [],
} as const satisfies Record<string, readonly string[]>;
export type CaseName = keyof typeof CASES;
export type LatenessPart = (typeof CASES.lateness)[number];

/** What is left out of the quick run: it takes half a minute each. */
const NOT_QUICK: readonly string[] = ["lateness-5000", "lateness-burst-50000"];

export type Options = {
  cases: readonly CaseName[];
  latenessParts: readonly LatenessPart[];
  /** Each case is measured this often, and the medians are reported. */
  rounds: number;
  /** Executions that are due at the same moment, in the cases about throughput. */
  executions: number;
  /** How long lateness is measured, in seconds, after a warm-up. */
  latenessSeconds: number;
  /** How many active jobs there are, in the scale case. */
  scale: readonly number[];
  /** How long the API is asked each of its questions, in seconds. */
  apiSeconds: number;
  workers: number;
  /** Executions that a worker runs at once. */
  concurrency: number;
  /** Whether other systems are measured too. */
  peers: boolean;
  json: string | null;
  /** Whether to write the figures and charts into docs. */
  docs: boolean;
};

export class UsageError extends Error {}

const NAMES: readonly string[] = [...Object.keys(CASES), ...Object.values(CASES).flat()];

export const USAGE = `usage: npm run bench -- [options]
  --quick            small and once: a few minutes, for a look
  --only NAME        one case (may be given several times): ${Object.keys(CASES).join(", ")},
                     or a part of one: ${CASES.lateness.join(", ")}
  --rounds N         how often each case is measured (3); the medians are shown
  --executions N     how many are due at once in the cases about throughput (20000)
  --workers N        worker processes (2)
  --concurrency N    executions that a worker runs at once (200)
  --no-peers         Belfry and BullMQ alone, without the other systems beside them
  --json FILE        write the figures as JSON
  --docs             write the figures and charts into docs; cases that were not measured keep theirs`;

/** Reads the command line. Throws UsageError with one clear line; null if help was asked for. */
export function readOptions(args: readonly string[]): Options | null {
  const { help, quick = false, only, ...given } = parse(args);
  if (help) return null;
  for (const name of only ?? []) {
    if (!NAMES.includes(name))
      throw new UsageError(`--only: there is no case "${name}", there are ${NAMES.join(", ")}`);
  }
  const isWanted = (name: CaseName) =>
    only === undefined || only.includes(name) || CASES[name].some((part) => only.includes(part));
  return {
    cases: (Object.keys(CASES) as CaseName[]).filter(isWanted),
    latenessParts: CASES.lateness.filter(
      (part) =>
        only?.includes(part) ||
        ((only === undefined || only.includes("lateness")) && !(quick && NOT_QUICK.includes(part))),
    ),
    rounds: wholeNumber("rounds", given.rounds, quick ? 1 : 3, 99),
    // A backlog that takes longer than the 60 s after which a late occurrence may count as missed is no throughput case.
    executions: wholeNumber("executions", given.executions, quick ? 4_000 : 20_000, 200_000),
    latenessSeconds: quick ? 3 : 10,
    scale: quick ? [1_000, 10_000] : [10_000, 100_000, 1_000_000],
    apiSeconds: quick ? 1 : 5,
    workers: wholeNumber("workers", given.workers, 2, 64),
    concurrency: wholeNumber("concurrency", given.concurrency, 200, 10_000),
    peers: !given["no-peers"],
    json: given.json ?? null,
    docs: given.docs ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: "boolean" },
        only: { type: "string", multiple: true },
        rounds: { type: "string" },
        executions: { type: "string" },
        workers: { type: "string" },
        concurrency: { type: "string" },
        "no-peers": { type: "boolean" },
        json: { type: "string" },
        docs: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function wholeNumber(name: string, given: string | undefined, otherwise: number, max: number): number {
  if (given === undefined) return otherwise;
  const value = Number(given);
  if (/^\d+$/.test(given) && value >= 1 && value <= max) return value;
  throw new UsageError(`--${name} must be a whole number from 1 to ${max}`);
}
