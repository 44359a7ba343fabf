import { measureLateness } from "./belfry-lateness.ts";
import { CURVE_STEP_MS, measureThroughput } from "./belfry-throughput.ts";
import { measureBullmq } from "./bullmq-throughput.ts";
import type { BackendKind } from "./cluster.ts";
import type { CpuSeconds } from "./cpu.ts";
import type { Sample } from "./measurements.ts";
import { measureNextRuns } from "./next-run-speed.ts";
import type { CaseName, Options } from "./options.ts";
import { percentile } from "./percentiles.ts";
import type { Servers } from "./servers.ts";
import { figure, sparkline } from "./table.ts";

export type CaseTools = { servers: Servers; options: Options; all: AsyncDisposableStack; note: (line: string) => void };

/** Neighbours in time are what is compared, so that a busy minute of the machine meets both. */
const BACKENDS: readonly BackendKind[] = ["redis", "postgres"];

/** Measures a case once, on both backends if it has to do with them. */
export async function runCase(name: CaseName, tools: CaseTools): Promise<Sample[]> {
  if (name === "next-run") return nextRuns(tools);
  const samples: Sample[] = [];
  for (const kind of BACKENDS) {
    samples.push(...(name === "throughput" ? await throughput(kind, tools) : await lateness(name, kind, tools)));
  }
  return samples;
}

async function throughput(kind: BackendKind, { servers, options, all, note }: CaseTools): Promise<Sample[]> {
  const [belfry, bullmq] = [`belfry on ${kind}`, `bullmq on ${kind}`];
  const raw = await measureBullmq(servers, kind, options, all);
  note(`throughput, ${bullmq}: ${figure(raw.perSecond)} empty jobs/s`);
  const { perSecond, seconds, curve, cpu } = await measureThroughput(servers, kind, options, all);
  note(`throughput, ${belfry}: ${figure(perSecond)} executions/s, ledger checked`);
  note(
    `  drained in ${figure(seconds.all)} s, half after ${figure(seconds.half)}, the first after ${figure(seconds.first)}: ` +
      `${sparkline(curve)} (ended in each ${CURVE_STEP_MS} ms)`,
  );
  const of = (subject: string, metric: string, unit: string, value: number) => ({
    name: "throughput",
    subject,
    metric,
    unit,
    value,
  });
  return [
    { ...of(belfry, "executions", "1/s", perSecond), ratio_to: bullmq },
    of(belfry, "first recorded after", "s", seconds.first),
    of(belfry, "all recorded after", "s", seconds.all),
    ...cpuSamples("throughput", belfry, cpu),
    of(bullmq, "executions", "1/s", raw.perSecond),
  ];
}

function nextRuns({ note }: CaseTools): Sample[] {
  const of = (metric: string, value: number): Sample => ({
    name: "next-run",
    subject: "belfry",
    metric,
    unit: "1/s",
    value,
  });
  const samples = [
    of("Vixie's rule", measureNextRuns()),
    of("gap shift, fold last", measureNextRuns({ gap: "shift", fold: "last" })),
  ];
  note(`next-run: ${samples.map(({ metric, value }) => `${metric} ${figure(value)}/s`).join(", ")}`);
  return samples;
}

async function lateness(
  name: keyof typeof RATES,
  kind: BackendKind,
  { servers, options, all, note }: CaseTools,
): Promise<Sample[]> {
  const size = { ...options, perSecond: RATES[name], seconds: options.latenessSeconds };
  const { claimed, called, cpu } = await measureLateness(servers, kind, size, all);
  const subject = `belfry on ${kind}`;
  const sample = (metric: string, value: number): Sample => ({ name, subject, metric, unit: "ms", value });
  const samples = [
    sample("p50", percentile(claimed, 50)),
    sample("p99", percentile(claimed, 99)),
    sample("maximum", percentile(claimed, 100)),
    sample("p50 until check is called", percentile(called, 50)),
    sample("p99 until check is called", percentile(called, 99)),
  ];
  const words = samples.map(({ metric, value }) => `${metric} ${figure(value)}`).join(", ");
  note(`${name}, ${subject}: ${words} ms, ledger of ${claimed.length} checked`);
  return [...samples, ...cpuSamples(name, subject, cpu)];
}

const RATES = { "lateness-200": 200, "lateness-1000": 1_000 } as const;

function cpuSamples(name: CaseName, subject: string, cpu: CpuSeconds | null): Sample[] {
  // Redis has no part where the queue is in Postgres.
  const parts = Object.entries(cpu ?? {}).filter(([, value]) => value > 0);
  return parts.map(([part, value]) => ({
    name,
    subject,
    metric: `CPU of ${part} each`,
    unit: "µs",
    value,
  }));
}
