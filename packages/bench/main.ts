// npm run bench: how fast and how punctual is Belfry on this machine, and BullMQ alone beside it?

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { failureLine } from "@belfry/service/failure-line.ts";
import { BENCH_CASES } from "./cases.ts";
import { chartsOf } from "./charts.ts";
import { keep, replaceGenerated, sectionOf } from "./docs-section.ts";
import { describeMachine, machineLine } from "./machine.ts";
import { type Measurement, overRounds, type Sample } from "./measurements.ts";
import { type Options, readOptions, USAGE, UsageError } from "./options.ts";
import { openServers } from "./servers.ts";
import { measurementRows, textTable } from "./table.ts";

const DOCS = new URL("../../docs/", import.meta.url);

const options = optionsOrExit();
const all = new AsyncDisposableStack();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => void stopAndExit(signal));

try {
  await bench(options);
} catch (error) {
  console.error(`bench: ${failureLine(error)}`);
  process.exitCode = 1;
} finally {
  await all.disposeAsync();
}

async function bench(options: Options): Promise<void> {
  const servers = await openServers(process.env, all);
  const machine = await describeMachine(servers);
  note(machineLine(machine));

  const rounds: Sample[][] = [];
  let failed = false;
  for (let round = 1; round <= options.rounds; round++) {
    if (options.rounds > 1) note(`round ${round} of ${options.rounds}`);
    const samples: Sample[] = [];
    for (const name of options.cases) {
      try {
        samples.push(...(await BENCH_CASES[name]({ servers, options, all, note })));
      } catch (error) {
        // What was measured so far may have taken an hour.
        note(`bench: ${name} failed: ${failureLine(error)}`);
        failed = true;
      }
    }
    rounds.push(samples);
  }

  const cases = overRounds(rounds);
  const rows = measurementRows(cases);
  console.log(`\n${textTable(rows)}\n\n${conditions(options)}`);
  if (options.json !== null) writeFileSync(options.json, `${JSON.stringify({ cases, machine }, null, 2)}\n`);
  if (failed) process.exitCode = 1;
  else if (options.docs) writeDocs(cases, `${conditions(options)} Machine: ${machineLine(machine)}.`);
}

function writeDocs(cases: Measurement[], conditions: string): void {
  const keptFile = new URL("performance.json", DOCS);
  const kept = keep(existsSync(keptFile) ? JSON.parse(readFileSync(keptFile, "utf8")) : {}, cases, conditions);
  const charts = chartsOf(Object.values(kept).flatMap(({ figures }) => figures));
  const page = new URL("performance.md", DOCS);
  writeFileSync(keptFile, `${JSON.stringify(kept, null, 2)}\n`);
  for (const { file, svg } of charts) writeFileSync(new URL(file, DOCS), svg);
  writeFileSync(page, replaceGenerated(readFileSync(page, "utf8"), sectionOf(kept, charts)));
}

function conditions({ rounds, executions, latenessSeconds, workers, concurrency }: Options): string {
  return (
    `Medians of ${rounds} ${rounds === 1 ? "round" : "rounds"}; ${executions.toLocaleString("en-US")} executions due at once, lateness over ` +
    `${latenessSeconds} s; 1 scheduler, ${workers} workers of ${concurrency} at once; the ledger was checked after every measurement.`
  );
}

function optionsOrExit(): Options {
  try {
    const options = readOptions(process.argv.slice(2));
    if (options !== null) return options;
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`bench: ${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

function note(line: string): void {
  console.error(line);
}

/** Whatever is under way fails when its processes go; nobody wants to read that. */
async function stopAndExit(signal: NodeJS.Signals): Promise<never> {
  console.error(`\nbench: ${signal}, stopping`);
  console.error = () => undefined;
  await all.disposeAsync().catch(() => undefined);
  process.exit(130);
}
