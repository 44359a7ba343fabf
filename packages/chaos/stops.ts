import type { History } from "./history.ts";
import { isApplied } from "./oracle.ts";

/** From the return of a call that stops a job until the first call that might start it again. */
export type Stop = { op: string; from: number; until: number };

/** The stops of each job, by its id, in order. */
export function findStops({ calls }: History): Map<string, Stop[]> {
  const stops = new Map<string, Stop[]>();
  for (const records of Map.groupBy(calls, ({ job }) => job).values()) {
    const jobId = records.find(({ call }) => call.op === "create")?.answer?.id;
    if (jobId === undefined) continue;
    const ofJob: Stop[] = [];
    for (const [i, record] of records.entries()) {
      const { call } = record;
      const isStop =
        call.op === "pause" || call.op === "delete" || (call.op === "patch" && call.patch.enabled === false);
      if (!isStop || !isApplied(record)) continue;
      const next = records
        .slice(i + 1)
        .find(
          (later) => later.call.op === "resume" || (later.call.op === "patch" && later.call.patch.enabled === true),
        );
      // Unknown tries may stop it once more, which makes it no less stopped.
      ofJob.push({ op: call.op, from: record.returnedAt, until: next?.invokedAt ?? Number.POSITIVE_INFINITY });
    }
    stops.set(jobId, ofJob);
  }
  return stops;
}
