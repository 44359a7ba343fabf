import type { FaultRecord, History } from "./history.ts";
import { policiesAt, policyTerms } from "./policy-terms.ts";

export type Percentiles = { count: number; p50: number; p99: number; max: number };
export type Recovery = { kind: string; faults: number; measured: number; medianMs: number; maxMs: number };

/** The cluster has settled this long after a fault. */
const SETTLED_MS = 5_000;
/** All that is due within a second has started within this time: the cluster is well. */
const WELL_MS = 1_000;

type Start = { due: number; lateness: number };

/** How late first attempts started, of jobs whose executions do not wait for each other. Milliseconds. */
export function latenesses({ calls, rows, attempts }: History): Start[] {
  const termsOf = policyTerms(calls);
  const firstAttempts = new Map(
    attempts.filter(({ attempt }) => attempt === 1).map((a) => [a.executionId, a.startedAt]),
  );
  return rows.flatMap((row) => {
    const overlap = policiesAt(termsOf.get(row.jobId), row.createdAt)?.overlap.policy;
    if (row.trigger !== "schedule" || (overlap !== "allow" && overlap !== "skip")) return [];
    const startedAt = firstAttempts.get(row.id) ?? row.startedAt;
    return startedAt === null ? [] : [{ due: row.scheduledFor, lateness: startedAt - row.scheduledFor }];
  });
}

export function insideAndOutside(
  starts: readonly Start[],
  faults: readonly FaultRecord[],
  settledMs = SETTLED_MS,
): { inside: Percentiles; outside: Percentiles } {
  const isInside = ({ due }: Start): boolean =>
    faults.some(({ begunAt, endedAt }) => due >= begunAt - 1_000 && due <= endedAt + settledMs);
  const [inside, outside]: [number[], number[]] = [[], []];
  for (const start of starts) (isInside(start) ? inside : outside).push(start.lateness);
  return { inside: percentiles(inside), outside: percentiles(outside) };
}

export function percentiles(values: readonly number[]): Percentiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? Number.NaN };
}

/** How long after the end of each fault the cluster was well again, unless the next fault came before. */
export function recoveries(starts: readonly Start[], faults: readonly FaultRecord[]): Recovery[] {
  const worst = new Map<number, number>();
  for (const { due, lateness } of starts) {
    const second = Math.floor(due / 1000);
    worst.set(second, Math.max(worst.get(second) ?? 0, lateness));
  }
  const last = Math.max(...worst.keys());
  return [...Map.groupBy(faults, ({ fault }) => fault.kind)].map(([kind, ofKind]) => {
    const times = ofKind.flatMap((record) => {
      const next = Math.min(...faults.map(({ begunAt }) => begunAt).filter((at) => at > record.begunAt));
      for (let second = Math.floor(record.endedAt / 1000); second <= last; second++) {
        if (second * 1000 > next) return [];
        if ((worst.get(second) ?? 0) < WELL_MS) return [Math.max(0, second * 1000 - record.endedAt)];
      }
      return [];
    });
    times.sort((a, b) => a - b);
    return {
      kind,
      faults: ofKind.length,
      measured: times.length,
      medianMs: times[times.length >> 1] ?? Number.NaN,
      maxMs: times.at(-1) ?? Number.NaN,
    };
  });
}
