import { measureThroughput } from "./belfry-throughput.ts";
import type { BenchCase } from "./case.ts";
import { cpuSamples } from "./cpu-samples.ts";
import { samplesOf } from "./measurements.ts";
import { figure } from "./table.ts";
import { unlessTooBusy } from "./too-busy.ts";

const NAME = "sandbox";
const SOURCE = `export function check() { return { shouldPerform: true, performPayload: { n: 1 } }; }
export function perform(event) { return { n: event.n + 1 }; }`;
/** Of the executions of other cases: each costs some milliseconds of computing. */
const SHARE = 0.1;

/** Executions of an uploaded function a second. */
export const sandbox: BenchCase = async ({ servers, options, all, note }) => {
  const executions = Math.ceil(options.executions * SHARE);
  const size = { ...options, executions, functionSource: SOURCE };
  const { perSecond, cpu } = await unlessTooBusy(() => measureThroughput(servers, "redis", size, all), note);
  note(`${NAME}: ${figure(perSecond)} executions/s, ledger checked`);
  return [
    ...samplesOf(NAME, "belfry on redis")("executions", "1/s", perSecond),
    ...cpuSamples(NAME, "belfry on redis", cpu),
  ];
};
