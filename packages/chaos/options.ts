import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { type Backend, FAULT_KINDS, type FaultKind } from "./plan-faults.ts";
import { PLANTS, type Plant } from "./plants.ts";

export type Options = {
  minutes: number;
  seed: number;
  backends: readonly Backend[];
  schedulers: number;
  workers: number;
  /** Occurrences that are due each second, about. */
  rate: number;
  /** The kinds of faults; null for all. */
  only: readonly FaultKind[] | null;
  /** Whether the folder with logs, histories and data outlives a run that passes. */
  keep: boolean;
  /** Bugs that are planted, one in each run; null for runs without one. */
  plants: readonly Plant[] | null;
  /** Whether the runs of the plants are made without the bugs, and have to find nothing. */
  control: boolean;
};

export class UsageError extends Error {}

export const USAGE = `usage: npm run chaos -- [options]
  --minutes N      how long faults go on (2); fractions are possible
  --seed N         plan of faults and of the client's calls (random, and printed)
  --backend NAME   redis, postgres or both (redis): what carries the queue
  --schedulers N   scheduler processes (3)
  --workers N      worker processes (3)
  --rate N         occurrences due each second, about (30)
  --only KIND      one kind of fault (may be given several times, "none" for no fault)
  --plant NAME     plants a bug in a copy of the sources, and is content only if a short run finds it (may be given
                   several times, "all" for all, "list" to see them)
  --control        with --plant: the same runs without the bugs, which have to find nothing
  --keep           keep the folder with logs, histories and data also when the run passes`;

/** The bugs that can be planted, in a line each. */
export const plantList = (): string => PLANTS.map(({ name, breaks }) => `${name.padEnd(24)}  ${breaks}`).join("\n");

/** Reads the command line. Throws UsageError with one clear line; a text if one was asked for, to be printed. */
export function readOptions(args: readonly string[]): Options | string {
  const given = parse(args);
  if (given.help) return USAGE;
  if (given.plant?.includes("list")) return plantList();
  return {
    minutes: number("minutes", given.minutes, 2, 0.1, 24 * 60),
    seed: whole("seed", given.seed, randomInt(1_000_000), 0, 4_294_967_295),
    backends: backendsOf(given.backend ?? "redis"),
    schedulers: whole("schedulers", given.schedulers, 3, 1, 32),
    workers: whole("workers", given.workers, 3, 1, 64),
    rate: whole("rate", given.rate, 30, 1, 2_000),
    only: kindsOf(given.only),
    keep: given.keep ?? false,
    plants: plantsOf(given.plant),
    control: given.control ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        minutes: { type: "string" },
        seed: { type: "string" },
        backend: { type: "string" },
        schedulers: { type: "string" },
        workers: { type: "string" },
        rate: { type: "string" },
        only: { type: "string", multiple: true },
        keep: { type: "boolean" },
        plant: { type: "string", multiple: true },
        control: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function backendsOf(name: string): readonly Backend[] {
  if (name === "both") return ["redis", "postgres"];
  if (name === "redis" || name === "postgres") return [name];
  throw new UsageError("--backend must be redis, postgres or both");
}

function kindsOf(names: readonly string[] | undefined): readonly FaultKind[] | null {
  if (names === undefined) return null;
  const isKind = (name: string): name is FaultKind => (FAULT_KINDS as readonly string[]).includes(name);
  const unknown = names.find((name) => name !== "none" && !isKind(name));
  if (unknown !== undefined)
    throw new UsageError(`--only: there is no "${unknown}", there are ${FAULT_KINDS.join(", ")}`);
  return names.filter(isKind);
}

function plantsOf(names: readonly string[] | undefined): readonly Plant[] | null {
  if (names === undefined) return null;
  if (names.includes("all")) return PLANTS;
  return names.map((name) => {
    const plant = PLANTS.find((plant) => plant.name === name);
    if (plant === undefined) throw new UsageError(`--plant: there is no "${name}", there are\n${plantList()}`);
    return plant;
  });
}

function whole(name: string, given: string | undefined, otherwise: number, min: number, max: number): number {
  const value = number(name, given, otherwise, min, max);
  if (!Number.isInteger(value)) throw new UsageError(`--${name} must be a whole number`);
  return value;
}

function number(name: string, given: string | undefined, otherwise: number, min: number, max: number): number {
  const value = given === undefined ? otherwise : Number(given);
  if (given?.trim() !== "" && value >= min && value <= max) return value;
  throw new UsageError(`--${name} must be a number from ${min} to ${max}`);
}
