import { join } from "node:path";
import { OWN_SOURCES } from "./cluster.ts";
import { leaveFolder, makeFolder } from "./folders.ts";
import type { Options } from "./options.ts";
import { planCalls } from "./plan-calls.ts";
import type { Backend } from "./plan-faults.ts";
import { copySources, plantIn } from "./plant-copy.ts";
import type { Plant } from "./plants.ts";
import { report } from "./report.ts";
import { run } from "./run.ts";

/** Occurrences due each second, where a plant does not say. */
const RATE = 40;
const RECOVERY_MS = 4_000;
/** A message that is lost at the end of the faults is published again within ten seconds, and the one after in twenty. */
const QUIET_WITHIN_MS = 30_000;

/** How a run with a planted bug ended. */
export type Planted = {
  plant: Plant;
  backend: Backend;
  /** What was found that this bug breaks, with how often; empty if it stayed hidden. */
  revealed: Map<string, number>;
  violations: number;
  faults: number;
  seconds: number;
};

/**
 * Runs each plant on each backend where it can show. With `control` nothing is planted: then the same runs have to
 * find nothing, which is what makes finding something a proof.
 */
export async function runPlants(
  plants: readonly Plant[],
  { seed, backends, control, keep }: Pick<Options, "seed" | "backends" | "control" | "keep">,
  note: (line: string) => void,
): Promise<Planted[]> {
  const results: Planted[] = [];
  for (const plant of plants) {
    for (const backend of backends) {
      if (plant.backends && !plant.backends.includes(backend)) continue;
      const folder = makeFolder(`${plant.name}-${backend}`);
      const say = (line: string): void => note(`${plant.name}, ${backend}: ${line}`);
      const result = await runPlant(folder, plant, backend, { seed, control }, say);
      results.push(result);
      const asExpected = control ? result.violations === 0 : result.revealed.size > 0;
      leaveFolder(folder, { remove: asExpected && !keep }, say);
    }
  }
  return results;
}

async function runPlant(
  folder: string,
  plant: Plant,
  backend: Backend,
  { seed, control }: { seed: number; control: boolean },
  note: (line: string) => void,
): Promise<Planted> {
  const copy = join(folder, "sources");
  if (!control) {
    copySources(OWN_SOURCES, copy);
    plantIn(copy, plant.changes);
  }
  const isPlanted = (name: string): boolean => !control && (plant.only === undefined || plant.only === name);
  const minutes = plant.seconds / 60;
  const begunAt = performance.now();
  const result = await run(
    folder,
    {
      backend,
      schedulers: 3,
      workers: 3,
      sourcesOf: (name) => (isPlanted(name) ? copy : OWN_SOURCES),
      sql: control ? null : (plant.sql ?? null),
      minutes,
      faults: plant.faults.filter(({ kind }) => backend === "redis" || !kind.startsWith("redis-")),
      calls: planCalls(seed, minutes, plant.rate ?? RATE, plant.traffic),
      recoveryMs: RECOVERY_MS,
      quietWithinMs: QUIET_WITHIN_MS,
    },
    note,
  );
  const seconds = Math.round((performance.now() - begunAt) / 1000);
  const { violations } = result.verdict;
  if (control && violations.length > 0) console.log(report(result));
  const found = Map.groupBy(violations, ({ rule }) => rule);
  const revealed = new Map(
    plant.reveals.flatMap((rule) => (found.has(rule) ? [[rule, found.get(rule)?.length ?? 0]] : [])),
  );
  const all = [...found].map(([rule, of]) => `${rule} ${of.length}`).join(", ");
  note(`${violations.length} violations${all && `: ${all}`}`);
  return { plant, backend, revealed, violations: violations.length, faults: result.history.faults.length, seconds };
}

/** A line for each plant. */
export function plantTable(results: readonly Planted[]): string {
  const lines = results.map(({ plant, backend, revealed, faults, seconds }) => {
    const by = [...revealed].map(([rule, times]) => `${rule} ${times}`).join(", ");
    const caught = revealed.size > 0 ? "caught" : "MISSED";
    return [
      plant.name.padEnd(24),
      backend.padEnd(8),
      caught,
      `${faults}`.padStart(6),
      `${seconds}`.padStart(7),
      ` ${by}`,
    ].join("  ");
  });
  return ["plant                     backend   caught  faults  seconds   by", ...lines].join("\n");
}
