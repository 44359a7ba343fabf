// npm run chaos: does Belfry keep its promises while everything around it breaks?

import { failureLine } from "@belfry/service/failure-line.ts";
import { OWN_SOURCES } from "./cluster.ts";
import { findFaketime } from "./faketime.ts";
import { foldersInUse, leaveFolder, makeFolder } from "./folders.ts";
import { type Options, readOptions, USAGE, UsageError } from "./options.ts";
import { planCalls } from "./plan-calls.ts";
import { type Backend, planFaults } from "./plan-faults.ts";
import type { Plant } from "./plants.ts";
import { report } from "./report.ts";
import { run } from "./run.ts";
import { plantTable, runPlants } from "./run-plants.ts";

const options = optionsOrExit();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => endEarly(signal));
// Of the tests, which have started us and are gone.
process.once("disconnect", () => endEarly("who had started it has ended"));
process.channel?.unref();
if (options.plants) await withPlants(options.plants);
else for (const backend of options.backends) await asItIs(backend);

/** Belfry as it is: nothing may be found. */
async function asItIs(backend: Backend): Promise<void> {
  const { seed, minutes, rate, schedulers, workers, only, keep } = options;
  note(
    `chaos: --seed ${seed} --minutes ${minutes} --rate ${rate} --backend ${backend}, ${schedulers} schedulers, ${workers} workers`,
  );
  const hasFaketime = findFaketime() !== null;
  if (!hasFaketime) note("no clock jumps, libfaketime is not installed");
  const folder = makeFolder(backend);
  let passed = false;
  try {
    const faults = planFaults(seed, minutes, { backend, hasFaketime, only });
    const calls = planCalls(seed, minutes, rate);
    const cluster = { backend, schedulers, workers, sourcesOf: () => OWN_SOURCES, sql: null };
    const result = await run(folder, { ...cluster, minutes, faults, calls }, (line) => note(`${backend}: ${line}`));
    console.log(report(result));
    passed = result.verdict.violations.length === 0;
  } catch (error) {
    console.error(`chaos: ${failureLine(error)}`);
  }
  leaveFolder(folder, { remove: passed && !keep }, note);
  if (!passed) process.exitCode = 1;
}

/** Belfry with a bug: it has to be found, each time. */
async function withPlants(plants: readonly Plant[]): Promise<void> {
  note(
    `chaos: --seed ${options.seed}, ${plants.length} planted bugs${options.control ? ", of which none is planted" : ""}`,
  );
  try {
    const results = await runPlants(plants, options, note);
    console.log(plantTable(results));
    const missed = results.filter(({ revealed }) => revealed.size === 0).length;
    const noisy = results.filter(({ violations }) => violations > 0).length;
    if (options.control) console.log(noisy === 0 ? "PASS" : `FAIL: ${noisy} runs found what was not planted`);
    else console.log(missed === 0 ? `PASS: ${results.length} of ${results.length} caught` : `FAIL: ${missed} missed`);
    if (options.control ? noisy > 0 : missed > 0) process.exitCode = 1;
  } catch (error) {
    console.error(`chaos: ${failureLine(error)}`);
    process.exitCode = 1;
  }
}

function optionsOrExit(): Options {
  try {
    const options = readOptions(process.argv.slice(2));
    if (typeof options !== "string") return options;
    console.log(options);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`chaos: ${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

/** What the run has started dies with it; what it has written may be wanted. */
function endEarly(why: string): void {
  note(`chaos: ended early: ${why}`);
  for (const folder of foldersInUse()) note(`logs and data so far are in ${folder}`);
  process.exit(130);
}

function note(line: string): void {
  console.error(line);
}
