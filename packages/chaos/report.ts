import type { Verdict } from "./check.ts";
import type { History } from "./history.ts";
import { insideAndOutside, latenesses, type Percentiles, recoveries } from "./lateness.ts";
import type { RunResult } from "./run.ts";

const VIOLATIONS_SHOWN = 40;

/** A run in some dozen lines for people. */
export function report({ history, verdict, reach }: Omit<RunResult, "quietAfterMs">): string {
  const { faults } = history;
  const starts = latenesses(history);
  const { inside, outside } = insideAndOutside(starts, faults);
  const carriedOut = faults.filter(({ error }) => error === null);
  const unknownCalls = history.calls.filter(({ unknownTries }) => unknownTries > 0).length;
  const lost =
    history.attempts.filter(({ outcome }) => outcome === "lost").length +
    history.rows.filter(({ errorCode }) => errorCode === "WORKER_LOST").length;
  return [
    "",
    `calls        ${history.calls.length} (${byKey(history.calls, ({ call }) => call.op)}), ${unknownCalls} with tries of unknown outcome`,
    `faults       ${carriedOut.length} of ${new Set(carriedOut.map(({ fault }) => fault.kind)).size} kinds; ${faults.length - carriedOut.length} could not be carried out`,
    `equation     ${equation(history)}`,
    `             planned by the second implementation: ${verdict.planned} certain, of which ${verdict.beyondLimit} beyond max_runs; ${verdict.uncertain} more written at the very moment of a change`,
    `manual runs  ${byKey(
      history.rows.filter(({ trigger }) => trigger === "manual"),
      ({ status }) => status,
    )}`,
    `effects      ${history.effects.length}; doubles ${verdict.doubles}, explained ${verdict.explained}; attempts failed ${history.attempts.filter(({ outcome }) => outcome === "failed").length}, lost ${lost}`,
    `reach        ${reach.killsWithWork} kills of workers with work running, ${reach.redisWipesWithWork} wipes of Redis with work queued, ${reach.commitsUnknown} commits and ${unknownCalls} calls of unknown outcome, ${history.rows.filter(({ dispatch }) => dispatch > 1).length} executions published again, ${history.rows.filter(({ occurrences }) => occurrences > 1).length} ranges`,
    `lateness     outside faults ${spread(outside)}`,
    `             inside faults  ${spread(inside)}`,
    "recovery     kind                      faults  measured  median ms  max ms",
    ...recoveries(starts, faults)
      .sort((a, b) => (a.kind < b.kind ? -1 : 1))
      .map(
        ({ kind, faults, measured, medianMs, maxMs }) =>
          `             ${kind.padEnd(25)} ${pad(faults, 6)}  ${pad(measured, 8)}  ${pad(medianMs, 9)}  ${pad(maxMs, 6)}`,
      ),
    ...faults.flatMap(({ fault, error }) =>
      error === null ? [] : [`not carried out: ${fault.kind} at ${fault.at}: ${error}`],
    ),
    ...violationLines(verdict),
    verdict.violations.length === 0 ? "PASS" : `FAIL: ${verdict.violations.length} violations`,
  ].join("\n");
}

/** Each term counts occurrences: a row that stands for a range counts as many as it stands for. */
function equation({ rows }: History): string {
  const scheduled = rows.filter(({ trigger }) => trigger === "schedule");
  const count = (matching: typeof rows): number => matching.reduce((sum, { occurrences }) => sum + occurrences, 0);
  const of = (status: string): number => count(scheduled.filter((row) => row.status === status));
  const skipped = Map.groupBy(
    scheduled.filter(({ status }) => status === "skipped"),
    ({ skipReason }) => skipReason,
  );
  const reasons = [...skipped].map(([reason, ofReason]) => `${reason} ${count(ofReason)}`).join(", ");
  const terms = ["success", "failed", "cancelled"].map((status) => `${status} ${of(status)}`).join(" + ");
  return `${count(scheduled)} due = ${terms} + skipped ${of("skipped")} (${reasons}) + running ${of("running")} + pending ${of("pending")}`;
}

function violationLines({ violations }: Verdict): string[] {
  if (violations.length === 0) return [];
  const lines = violations.slice(0, VIOLATIONS_SHOWN).map(({ rule, what }) => `  ${rule}: ${what}`);
  return ["", `violations: ${byKey(violations, ({ rule }) => rule)}`, ...lines];
}

function byKey<T>(all: readonly T[], keyOf: (one: T) => string): string {
  return [...Map.groupBy(all, keyOf)].map(([key, of]) => `${key} ${of.length}`).join(", ") || "none";
}

const spread = ({ count, p50, p99, max }: Percentiles): string =>
  `p50 ${rounded(p50)} ms, p99 ${rounded(p99)} ms, max ${rounded(max)} ms (${count})`;
const rounded = (ms: number): string => (Number.isNaN(ms) ? "-" : String(Math.round(ms)));
const pad = (value: number, width: number): string => rounded(value).padStart(width);
