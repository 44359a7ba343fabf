import type { History, Violation } from "./history.ts";
import { insideAndOutside, latenesses } from "./lateness.ts";

/** What a fault breaks may still be found out, come back or wait to be published again this long after its end. */
const AFTERMATH_MS = 20_000;
/** Half of what is due where nothing is hurt starts within this time, on a machine however busy. */
const LATE_MS = 3_000;
/** Fewer starts than this say nothing. */
const FEWEST_STARTS = 50;

/** What happens needs a cause: nothing is lost and next to nothing is late where nobody did harm, and final is final. */
export function checkCauses(history: History): Violation[] {
  const { rewritten } = history;
  const violations: Violation[] = rewritten.map(({ executionId, was, became }) => ({
    rule: "final changed",
    what: `execution ${executionId} was ${was}, and was then written as ${became}`,
  }));
  violations.push(...lostWithoutCause(history));
  const { outside } = insideAndOutside(latenesses(history), history.faults, AFTERMATH_MS);
  if (outside.count >= FEWEST_STARTS && outside.p50 > LATE_MS) {
    const what = `half of ${outside.count} executions outside of faults started ${Math.round(outside.p50)} ms late or more`;
    violations.push({ rule: "late", what });
  }
  return violations;
}

/** Attempts whose worker was lost while no process and no connection was hurt. */
function lostWithoutCause({ attempts, rows, faults, exits }: History): Violation[] {
  const causes = [
    ...faults.map(({ begunAt, endedAt }) => ({ from: begunAt, to: endedAt + AFTERMATH_MS })),
    ...exits.map(({ at }) => ({ from: at, to: at + AFTERMATH_MS })),
  ];
  const ended = rows.flatMap(({ id, attempt, worker, errorCode, startedAt, completedAt }) =>
    errorCode === "WORKER_LOST" && startedAt !== null && completedAt !== null
      ? [{ executionId: id, attempt, worker, startedAt, endedAt: completedAt }]
      : [],
  );
  const lost = [...attempts.filter(({ outcome }) => outcome === "lost"), ...ended];
  return lost
    .filter(({ startedAt, endedAt }) => !causes.some(({ from, to }) => from <= endedAt && to >= startedAt))
    .map(({ executionId, attempt, worker }) => ({
      rule: "lost without cause",
      what: `execution ${executionId} attempt ${attempt} on ${worker}, and nothing had been done to anybody`,
    }));
}
