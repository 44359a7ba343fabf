import type { BenchCase } from "./case.ts";
import { samplesOf } from "./measurements.ts";
import { measureNextRuns } from "./next-run-speed.ts";
import { figure } from "./table.ts";

/** How often a second the next occurrence is found. */
export const nextRun: BenchCase = async ({ note }) => {
  const sample = samplesOf("next-run", "belfry");
  const samples = [
    ...sample("Vixie's rule", "1/s", measureNextRuns()),
    ...sample("gap shift, fold last", "1/s", measureNextRuns({ gap: "shift", fold: "last" })),
  ];
  note(`next-run: ${samples.map(({ metric, value }) => `${metric} ${figure(value)}/s`).join(", ")}`);
  return samples;
};
