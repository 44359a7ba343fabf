import { measureThroughput } from "./belfry-throughput.ts";
import type { BenchCase } from "./case.ts";
import { cpuSamples } from "./cpu-samples.ts";
import { type Sample, samplesOf } from "./measurements.ts";
import { figure } from "./table.ts";
import { unlessTooBusy } from "./too-busy.ts";

const NAME = "scale-out";
const COUNTS = [1, 2, 4];

/** Throughput on Redis with more workers, and with more schedulers, each beside one. */
export const scaleOut: BenchCase = async ({ servers, options, all, note }) => {
  const samples: Sample[] = [];
  for (const what of ["worker", "scheduler"] as const) {
    for (const count of COUNTS) {
      const subject = `${count} ${what}${count === 1 ? "" : "s"}`;
      const size = { ...options, ...(what === "worker" ? { workers: count } : { schedulers: count }) };
      const { perSecond, cpu } = await unlessTooBusy(() => measureThroughput(servers, "redis", size, all), note);
      note(`${NAME}, ${subject}: ${figure(perSecond)} executions/s, ledger checked`);
      const beside = count === 1 ? [] : [`1 ${what}`];
      samples.push(...samplesOf(NAME, subject)("executions", "1/s", perSecond, ...beside));
      samples.push(...cpuSamples(NAME, subject, cpu));
    }
  }
  return samples;
};
