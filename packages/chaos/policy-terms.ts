import type { CallRecord, Policies } from "./history.ts";
import { isApplied } from "./oracle.ts";

/** From the end of the change that put them in force until the beginning of the next one: in between nobody knows. */
export type PolicyTerm = { from: number; until: number; policies: Policies };

/** The policies of each job by its id, in order of time. */
export function policyTerms(calls: readonly CallRecord[]): Map<string, PolicyTerm[]> {
  const terms = new Map<string, PolicyTerm[]>();
  for (const records of Map.groupBy(calls, ({ job }) => job).values()) {
    const created = records.find((record) => record.call.op === "create" && isApplied(record));
    if (created?.call.op !== "create" || created.answer === null) continue;
    const { misfire, overlap, retry, delivery } = created.call.wish;
    let policies: Policies = { misfire, overlap, retry, delivery };
    const ofJob: PolicyTerm[] = [];
    let from = 0;
    for (const record of records) {
      const change = policyChange(record);
      if (change === null || !isApplied(record)) continue;
      ofJob.push({ from, until: record.invokedAt, policies });
      policies = { ...policies, ...change };
      from = Math.max(record.returnedAt, record.settledAt ?? 0);
    }
    ofJob.push({ from, until: Number.POSITIVE_INFINITY, policies });
    terms.set(created.answer.id, ofJob);
  }
  return terms;
}

/** The policies of a job at an instant; null where they were just being changed, or the job is unknown. */
export function policiesAt(terms: readonly PolicyTerm[] | undefined, at: number): Policies | null {
  return terms?.find(({ from, until }) => at >= from && at <= until)?.policies ?? null;
}

function policyChange({ call }: CallRecord): Partial<Policies> | null {
  if (call.op !== "patch") return null;
  const { misfire, overlap, retry, delivery } = call.patch;
  const change: Partial<Policies> = {
    ...(misfire && { misfire }),
    ...(overlap && { overlap }),
    ...(retry && { retry }),
    ...(delivery && { delivery }),
  };
  return Object.keys(change).length === 0 ? null : change;
}
