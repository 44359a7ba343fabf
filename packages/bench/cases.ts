import type { BenchCase } from "./case.ts";
import { api } from "./case-api.ts";
import { fairness } from "./case-fairness.ts";
import { http } from "./case-http.ts";
import { lateness } from "./case-lateness.ts";
import { nextRun } from "./case-next-run.ts";
import { sandbox } from "./case-sandbox.ts";
import { scale } from "./case-scale.ts";
import { scaleOut } from "./case-scale-out.ts";
import { start } from "./case-start.ts";
import { throughput } from "./case-throughput.ts";
import type { CaseName } from "./options.ts";

/** Everything that can be measured. */
export const BENCH_CASES: Record<CaseName, BenchCase> = {
  throughput,
  lateness,
  scale,
  http,
  sandbox,
  fairness,
  api,
  "scale-out": scaleOut,
  start,
  "next-run": nextRun,
};
