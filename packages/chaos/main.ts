// npm run chaos: does Belfry keep its promises while everything around it breaks?

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failureLine } from "@belfry/service/failure-line.ts";
import { type Options, readOptions, USAGE, UsageError } from "./options.ts";
import { run } from "./run.ts";

const options = optionsOrExit();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));
note(
  `chaos: --seed ${options.seed} --minutes ${options.minutes} --rate ${options.rate}, ${options.schedulers} schedulers, ${options.workers} workers`,
);
for (const backend of options.backends) {
  const folder = mkdtempSync(join(tmpdir(), `belfry-chaos-${backend}-`));
  let passed = false;
  try {
    passed = await run(folder, backend, options, note);
  } catch (error) {
    console.error(`chaos: ${failureLine(error)}`);
  }
  if (passed && !options.keep) rmSync(folder, { recursive: true, force: true });
  else note(`${backend}: logs and histories are in ${folder}`);
  if (!passed) process.exitCode = 1;
}

function optionsOrExit(): Options {
  try {
    const options = readOptions(process.argv.slice(2));
    if (options !== null) return options;
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`chaos: ${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

function note(line: string): void {
  console.error(line);
}
