import { graphile } from "@belfry/bench-peers/graphile.ts";
import { pgBoss } from "@belfry/bench-peers/pg-boss.ts";
import { type Lateness, type Load, measureLateness } from "./belfry-lateness.ts";
import { type BullmqClock, measureBullmqLateness } from "./bullmq-lateness.ts";
import type { BenchCase, CaseTools } from "./case.ts";
import type { BackendKind } from "./cluster.ts";
import { cpuSamples } from "./cpu-samples.ts";
import { type Sample, samplesOf } from "./measurements.ts";
import type { LatenessPart } from "./options.ts";
import { measurePeerLateness } from "./peer-queue.ts";
import { percentile } from "./percentiles.ts";
import { figure } from "./table.ts";
import { unlessTooBusy } from "./too-busy.ts";

/** The points at which a distribution is told, and drawn. */
export const POINTS = { p50: 50, p90: 90, p99: 99, "p99.9": 99.9, maximum: 100 };

const PERIOD_MS = 10_000;
/** More of these take longer to make than anybody waits for. */
const MAX_JOB_SCHEDULERS = 10_000;

/** How long after it was due does an execution begin? On both backends, beside what the clocks of other queues do. */
export const lateness: BenchCase = async (tools) => {
  const samples: Sample[] = [];
  for (const part of tools.options.latenessParts) {
    for (const kind of ["redis", "postgres"] as const) samples.push(...(await ofBelfry(part, kind, tools)));
    if (tools.options.peers) samples.push(...(await ofPeers(part, tools)));
  }
  return samples;
};

function loadOf(part: LatenessPart, seconds: number): Load {
  switch (part) {
    case "lateness-idle":
      return { perSecond: 0.1, seconds };
    case "lateness-burst-10000":
    case "lateness-burst-50000":
      return { atOnce: Number(part.split("-").at(-1)) };
    default:
      return { perSecond: Number(part.split("-").at(-1)), seconds };
  }
}

async function ofBelfry(part: LatenessPart, kind: BackendKind, tools: CaseTools): Promise<Sample[]> {
  const { servers, options, all, note } = tools;
  const load = loadOf(part, options.latenessSeconds);
  const late = await unlessTooBusy(() => measureLateness(servers, kind, { ...options, load }, all), note);
  const subject = `belfry on ${kind}`;
  note(`${part}, ${subject}: ${inWords(late.called)}, ledger of ${late.called.length} checked`);
  return [...distribution(part, subject, late.called), ...stages(part, subject, late, "atOnce" in load)];
}

/** How the time until the check divides: written by the sweep, then claimed by a worker, then begun. */
function stages(part: string, subject: string, late: Lateness, isBurst: boolean): Sample[] {
  const sample = samplesOf(part, subject);
  return [
    ...sample("p50 until recorded", "ms", percentile(late.recorded, 50)),
    ...sample("p99 until recorded", "ms", percentile(late.recorded, 99)),
    ...sample("p50 until claimed", "ms", percentile(late.claimed, 50)),
    ...sample("p99 until claimed", "ms", percentile(late.claimed, 99)),
    ...(isBurst ? sample("all recorded after", "s", percentile(late.completed, 100) / 1000) : []),
    ...cpuSamples(part, subject, late.cpu),
  ];
}

export const distribution = (name: string, subject: string, late: readonly number[], ...beside: string[]): Sample[] =>
  Object.entries(POINTS).flatMap(([metric, p]) =>
    samplesOf(name, subject)(metric, "ms", percentile(late, p), ...beside),
  );

async function ofPeers(part: LatenessPart, { servers, options, all, note }: CaseTools): Promise<Sample[]> {
  const load = loadOf(part, options.latenessSeconds);
  const dueIn = "atOnce" in load ? Array.from({ length: load.atOnce }, () => 0) : evenly(load);
  const samples: Sample[] = [];
  const add = (subject: string, late: readonly number[]) => {
    note(`${part}, ${subject}: ${inWords(late)}`);
    samples.push(...distribution(part, subject, late));
  };
  for (const clock of ["delayed jobs", "job schedulers"] satisfies BullmqClock[]) {
    const schedulers = "atOnce" in load ? dueIn : dueIn.filter((ms) => ms < PERIOD_MS);
    if (clock === "job schedulers" && schedulers.length > MAX_JOB_SCHEDULERS) continue;
    const size = {
      ...options,
      dueIn: clock === "delayed jobs" ? dueIn : schedulers,
      everyMs: "atOnce" in load ? 3_600_000 : PERIOD_MS,
      forMs: "atOnce" in load ? 10_000 : options.latenessSeconds * 1000,
    };
    add(`bullmq ${clock}`, await unlessTooBusy(() => measureBullmqLateness(servers, clock, size, all), note));
  }
  for (const peer of [graphile("default"), pgBoss("work")]) {
    const size = { ...options, dueIn };
    add(peer.name, await unlessTooBusy(() => measurePeerLateness(servers, peer, size, all), note));
  }
  return samples;
}

/** Milliseconds after the beginning at which a load that is spread evenly is due. One that is nearly nothing is one a second. */
function evenly({ perSecond, seconds }: { perSecond: number; seconds: number }): number[] {
  const rate = Math.max(1, perSecond);
  return Array.from({ length: Math.ceil(rate * seconds) }, (_, i) => Math.floor((i * 1000) / rate));
}

function inWords(late: readonly number[]): string {
  const words = Object.entries(POINTS).map(([metric, p]) => `${metric} ${figure(percentile(late, p))}`);
  return `${words.join(", ")} ms`;
}
