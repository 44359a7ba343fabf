import { parseArgs } from "node:util";

export const CASES = ["throughput", "lateness-200", "lateness-1000", "next-run"] as const;
export type CaseName = (typeof CASES)[number];

export type Options = {
  cases: readonly CaseName[];
  /** Each case is measured this often, and the medians are reported. */
  rounds: number;
  /** Executions that are due at the same moment, in the throughput case. */
  executions: number;
  /** How long lateness is measured, in seconds, after a warm-up. */
  latenessSeconds: number;
  workers: number;
  /** Executions that a worker runs at once. */
  concurrency: number;
  json: string | null;
  /** Whether to write the figures into docs/performance.md. */
  docs: boolean;
};

export class UsageError extends Error {}

export const USAGE = `usage: npm run bench -- [options]
  --quick            small and once: under a minute, for a look
  --only NAME        one case (may be given several times): ${CASES.join(", ")}
  --rounds N         how often each case is measured (3); the medians are shown
  --executions N     how many are due at once in the throughput case (20000)
  --workers N        worker processes (2)
  --concurrency N    executions that a worker runs at once (200)
  --json FILE        write the figures as JSON
  --docs             write the figures into docs/performance.md`;

/** Reads the command line. Throws UsageError with one clear line; null if help was asked for. */
export function readOptions(args: readonly string[]): Options | null {
  const { help, ...given } = parse(args);
  if (help) return null;
  for (const name of given.only ?? []) {
    if (!isCase(name)) throw new UsageError(`--only: there is no case "${name}", there are ${CASES.join(", ")}`);
  }
  return {
    cases: CASES.filter((name) => given.only === undefined || given.only.includes(name)),
    rounds: wholeNumber("rounds", given.rounds, given.quick ? 1 : 3, 99),
    // A backlog that takes longer than the 60 s after which a late occurrence may count as missed is no throughput case.
    executions: wholeNumber("executions", given.executions, given.quick ? 4_000 : 20_000, 200_000),
    latenessSeconds: given.quick ? 3 : 10,
    workers: wholeNumber("workers", given.workers, 2, 64),
    concurrency: wholeNumber("concurrency", given.concurrency, 200, 10_000),
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
        json: { type: "string" },
        docs: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

const isCase = (name: string): name is CaseName => (CASES as readonly string[]).includes(name);

function wholeNumber(name: string, given: string | undefined, otherwise: number, max: number): number {
  if (given === undefined) return otherwise;
  const value = Number(given);
  if (/^\d+$/.test(given) && value >= 1 && value <= max) return value;
  throw new UsageError(`--${name} must be a whole number from 1 to ${max}`);
}
