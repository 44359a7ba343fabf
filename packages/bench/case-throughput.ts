import { graphile } from "@belfry/bench-peers/graphile.ts";
import { pgBoss } from "@belfry/bench-peers/pg-boss.ts";
import { CURVE_STEP_MS, measureThroughput } from "./belfry-throughput.ts";
import { measureBullmq } from "./bullmq-throughput.ts";
import type { BenchCase, CaseTools } from "./case.ts";
import type { BackendKind } from "./cluster.ts";
import { cpuSamples } from "./cpu-samples.ts";
import { type Sample, samplesOf } from "./measurements.ts";
import { measurePeer } from "./peer-queue.ts";
import { figure, sparkline } from "./table.ts";
import { unlessTooBusy } from "./too-busy.ts";

const NAME = "throughput";
export const EXECUTIONS = "executions";

/** So many empty executions that are due at once, on both backends, beside what other queues do with as many empty jobs. */
export const throughput: BenchCase = async (tools) => {
  const peers = tools.options.peers ? [graphile("default"), graphile("batched"), pgBoss("work"), pgBoss("fetch")] : [];
  const names = peers.map(({ name }) => name);
  const samples = [...(await onBackend("redis", tools, names)), ...(await onBackend("postgres", tools, names))];
  for (const peer of peers) {
    const { perSecond } = await unlessTooBusy(
      () => measurePeer(tools.servers, peer, tools.options, tools.all),
      tools.note,
    );
    tools.note(`${NAME}, ${peer.name}: ${figure(perSecond)} empty jobs/s`);
    samples.push(...samplesOf(NAME, peer.name)(EXECUTIONS, "1/s", perSecond));
  }
  return samples;
};

/** Belfry and BullMQ alone, on the same server. */
export async function onBackend(
  kind: BackendKind,
  { servers, options, all, note }: CaseTools,
  others: readonly string[] = [],
): Promise<Sample[]> {
  const [belfry, bullmq] = [`belfry on ${kind}`, `bullmq on ${kind}`];
  const raw = await measureBullmq(servers, kind, options, all);
  note(`${NAME}, ${bullmq}: ${figure(raw.perSecond)} empty jobs/s`);
  const { perSecond, seconds, curve, cpu, postgres } = await unlessTooBusy(
    () => measureThroughput(servers, kind, options, all),
    note,
  );
  note(`${NAME}, ${belfry}: ${figure(perSecond)} executions/s, ledger checked`);
  note(
    `  drained in ${figure(seconds.all)} s, half after ${figure(seconds.half)}, the first after ${figure(seconds.first)}: ` +
      `${sparkline(curve)} (ended in each ${CURVE_STEP_MS} ms)`,
  );
  const sample = samplesOf(NAME, belfry);
  return [
    ...sample(EXECUTIONS, "1/s", perSecond, bullmq, ...others),
    ...sample("first recorded after", "s", seconds.first),
    ...sample("all recorded after", "s", seconds.all),
    ...cpuSamples(NAME, belfry, cpu),
    ...sample("log (WAL) of postgres each", "B", postgres.walBytes),
    ...sample("transactions of postgres each", "", postgres.commits),
    ...samplesOf(NAME, bullmq)(EXECUTIONS, "1/s", raw.perSecond),
  ];
}
