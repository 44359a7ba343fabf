import type { CallRecord, History, JobRow, Violation } from "./history.ts";
import { isApplied } from "./oracle.ts";

/** What the API has acknowledged is there, and what the client never asked for is not. */
export function checkCalls({ calls, jobs, rows }: History): Violation[] {
  const violations: Violation[] = [];
  const add = (rule: string, what: string): void => void violations.push({ rule, what });
  const jobOf = new Map(jobs.map((job) => [job.id, job]));
  const manual = new Map(rows.filter(({ trigger }) => trigger === "manual").map((row) => [row.id, row]));

  for (const [ordinal, records] of Map.groupBy(calls, ({ job }) => job)) {
    for (const { status, call, returnedAt } of records) {
      if (status === 0 || returnedAt === Number.POSITIVE_INFINITY)
        add("no answer", `${call.op} of job ${ordinal} never got one`);
      else if (status >= 400 && status !== 404 && status !== 409)
        add("refused", `${call.op} of job ${ordinal}: HTTP ${status}`);
    }
    const jobId = records.find((record) => record.call.op === "create" && isApplied(record))?.answer?.id;
    if (jobId === undefined) continue;
    const job = jobOf.get(jobId);
    if (job === undefined) {
      add("write lost", `job ${jobId} was acknowledged and is not there`);
      continue;
    }
    const expected = finalState(records);
    if (
      job.enabled !== expected.enabled ||
      job.deleted !== expected.deleted ||
      (job.status === "paused") !== expected.paused
    ) {
      const is = `${job.status}${job.enabled ? "" : ", disabled"}${job.deleted ? ", deleted" : ""}`;
      add("write lost", `job ${jobId} is ${is}, expected was ${JSON.stringify(expected)}`);
    }
    for (const record of records) {
      if (record.call.op !== "run" || record.executionId === null) continue;
      if (!manual.delete(record.executionId))
        add("write lost", `run ${record.executionId} was acknowledged and is not there`);
    }
  }
  for (const { id } of manual.values())
    add("unasked run", `execution ${id} is a manual run that was never acknowledged`);
  return violations;
}

function finalState(records: readonly CallRecord[]): Pick<JobRow, "enabled" | "deleted"> & { paused: boolean } {
  const state = { enabled: true, deleted: false, paused: false };
  for (const record of records) {
    if (!isApplied(record)) continue;
    const { call } = record;
    if (call.op === "create") state.enabled = call.wish.enabled;
    if (call.op === "pause") state.paused = true;
    if (call.op === "resume") state.paused = false;
    if (call.op === "delete") Object.assign(state, { enabled: false, deleted: true });
    if (call.op === "patch" && call.patch.enabled !== undefined) {
      state.enabled = call.patch.enabled;
      if (call.patch.enabled) state.deleted = false;
    }
  }
  return state;
}
