import type { CpuSeconds } from "./cpu.ts";
import { type Sample, samplesOf } from "./measurements.ts";

/** What each part of a cluster used for each execution. */
export function cpuSamples(name: string, subject: string, cpu: CpuSeconds | null): Sample[] {
  // Redis has no part where the queue is in Postgres.
  const parts = Object.entries(cpu ?? {}).filter(([, value]) => value > 0);
  return parts.flatMap(([part, value]) => samplesOf(name, subject)(`CPU of ${part} each`, "µs", value));
}
