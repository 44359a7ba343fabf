import type { CallRecord, History, LedgerRow, Policies, Violation } from "./history.ts";
import { policiesAt, policyTerms } from "./policy-terms.ts";

/** A sweep decides by the instant at which its transaction began, which is also that of its rows, to the millisecond. */
const ROUNDING_MS = 2;
/** A call looks at the clock after its transaction has begun, and may be frozen in between as long as Postgres lets it. */
const CALL_CLOCK_MS = 3_100;

/** What was late ran or was skipped as the misfire policy has it: the right ones, and as many as it says. */
export function checkMisfires({ calls, rows }: History): Violation[] {
  const violations: Violation[] = [];
  const termsOf = policyTerms(calls);
  const windowsOf = changeWindows(calls);
  const limited = new Set(calls.filter(hasLimit).map(({ job }) => job));
  const ordinalOf = new Map(calls.flatMap(({ job, answer }) => (answer ? [[answer.id, job] as const] : [])));
  const scheduled = rows.filter(({ trigger }) => trigger === "schedule");
  for (const [jobId, ofJob] of Map.groupBy(scheduled, (row) => row.jobId)) {
    const ordinal = ordinalOf.get(jobId);
    if (ordinal === undefined) continue;
    for (const [writtenAt, together] of Map.groupBy(ofJob, ({ createdAt }) => createdAt)) {
      const policies = policiesAt(termsOf.get(jobId), writtenAt);
      if (policies === null) continue;
      const byCall =
        windowsOf.get(ordinal)?.some(({ from, until }) => writtenAt >= from && writtenAt <= until) ?? false;
      const found = byCall
        ? withinGrace(together, policies, CALL_CLOCK_MS)
        : [
            ...withinGrace(together, policies, ROUNDING_MS),
            ...wrongChoice(together, policies, { endsEarly: limited.has(ordinal) }),
          ];
      violations.push(
        ...found.map((what) => ({ rule: "misfire", what: `job ${jobId} at ${iso(writtenAt)}: ${what}` })),
      );
    }
  }
  return violations;
}

function hasLimit({ call }: CallRecord): boolean {
  if (call.op === "create") return call.wish.max_runs !== 0;
  return call.op === "patch" && call.patch.max_runs !== undefined;
}

/** When a call may have written rows of its job. */
function changeWindows(calls: readonly CallRecord[]): Map<number, { from: number; until: number }[]> {
  return new Map(
    [...Map.groupBy(calls, ({ job }) => job)].map(([job, records]) => [
      job,
      records.map(({ invokedAt, returnedAt, settledAt }) => ({
        from: invokedAt - ROUNDING_MS,
        until: Math.max(returnedAt, settledAt ?? 0),
      })),
    ]),
  );
}

function withinGrace(rows: readonly LedgerRow[], { misfire }: Policies, slackMs: number): string[] {
  return rows.flatMap(({ id, skipReason, createdAt, scheduledUntil }) => {
    const late = createdAt - scheduledUntil;
    if (skipReason !== "misfire" || late > misfire.grace_ms - slackMs) return [];
    return [`${id} was skipped though only ${late} ms late, the grace is ${misfire.grace_ms} ms`];
  });
}

/** `rows` are those of one sweep. `endsEarly`: the job may have had no run left for some of them. */
function wrongChoice(
  rows: readonly LedgerRow[],
  { misfire }: Policies,
  { endsEarly }: { endsEarly: boolean },
): string[] {
  const late = ({ createdAt, scheduledFor }: LedgerRow): number => createdAt - scheduledFor;
  const isClose = (row: LedgerRow): boolean =>
    Math.abs(late(row) - misfire.grace_ms) <= ROUNDING_MS || Math.abs(late(row) - misfire.max_age_ms) <= ROUNDING_MS;
  if (rows.some(isClose)) return [];
  const skipped = rows.filter(({ skipReason }) => skipReason === "misfire");
  const ran = rows.filter((row) => row.skipReason !== "misfire" && late(row) > misfire.grace_ms);
  const inTime = rows.length - skipped.length - ran.length;
  const of = `of ${rows.length} rows, ${ran.length} that were late`;
  switch (misfire.policy) {
    case "skip":
      return ran.length > 0 ? [`${of} were run, which are to be skipped`] : [];
    case "run_once": {
      const wanted = inTime === 0 && rows.length > 0 ? 1 : 0;
      if (ran.length !== wanted) return [`${of} were run, ${wanted} is to be`];
      break;
    }
    case "run_all": {
      if (ran.length > misfire.max_runs) return [`${of} were run, at most ${misfire.max_runs} are to be`];
      if (ran.some((row) => late(row) > misfire.max_age_ms)) return [`${of} were run, some beyond max_age_ms`];
      const youngest = Math.min(...skipped.map(({ createdAt, scheduledUntil }) => createdAt - scheduledUntil));
      const isLeftOut = ran.length < misfire.max_runs && youngest < misfire.max_age_ms - ROUNDING_MS;
      if (isLeftOut && !endsEarly) return [`${of} were run, and one of ${Math.round(youngest)} ms was left out`];
      break;
    }
  }
  const lastSkipped = Math.max(...skipped.map(({ scheduledUntil }) => scheduledUntil));
  return ran.some(({ scheduledFor }) => scheduledFor < lastSkipped) ? [`${of} were run, and not the latest`] : [];
}

const iso = (at: number): string => new Date(at).toISOString();
