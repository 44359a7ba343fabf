import type { AttemptRow, Effect, History, LedgerRow, Violation } from "./history.ts";
import { policiesAt, policyTerms } from "./policy-terms.ts";
import { findStops, type Stop } from "./stops.ts";

/** Instants of the ledger and of the target are whole and fractional milliseconds of one clock. */
const ROUNDING_MS = 1;
/** A check that took this long asks again whether it may perform; the target sees a little less of it than the worker. */
const LONG_CHECK_MS = 55;
/** Between the moment at which the pause had returned, as the client saw it, and the worker's next look. */
const MARGIN_MS = 50;

/** What the target saw, held against what the ledger says. */
export function checkEffects(history: History): { violations: Violation[]; doubles: number; explained: number } {
  const { effects, rows, attempts, calls } = history;
  const violations: Violation[] = [];
  const add = (rule: string, what: string): void => void violations.push({ rule, what });
  const rowOf = new Map(rows.map((row) => [row.id, row]));
  const attemptOf = new Map(attempts.map((attempt) => [key(attempt.executionId, attempt.attempt), attempt]));
  const termsOf = policyTerms(calls);
  const stopsOf = findStops(history);
  checkStarts(history, stopsOf, add);
  let doubles = 0;
  let explained = 0;

  for (const [executionId, all] of Map.groupBy(effects, (effect) => effect.executionId)) {
    const row = rowOf.get(executionId);
    if (row === undefined) {
      add("ghost", `effects of execution ${executionId}, which is not in the ledger`);
      continue;
    }
    for (const [one, same] of Map.groupBy(all, ({ attempt, phase }) => `attempt ${attempt} ${phase}`)) {
      if (same.length > 1) add("effect twice", `execution ${executionId} ${one}: ${same.length} times`);
    }
    for (const effect of all) {
      const start = startOf(effect, row, attemptOf);
      if (start === null)
        add("ghost", `execution ${executionId} attempt ${effect.attempt} ${effect.phase}: nobody had claimed it`);
      else if (effect.at < start - ROUNDING_MS)
        add("ghost", `execution ${executionId} attempt ${effect.attempt}: ${effect.phase} came before the claim`);
      if (effect.at < effect.scheduledFor - ROUNDING_MS)
        add(
          "early",
          `execution ${executionId}: ${effect.phase} came ${effect.scheduledFor - effect.at} ms before its time`,
        );
      if (effect.scheduledFor !== row.scheduledFor)
        add("ghost", `execution ${executionId}: was told ${effect.scheduledFor}, the ledger has ${row.scheduledFor}`);
      for (const stop of stopsOf.get(row.jobId) ?? []) checkStopped(effect, start, all, stop, add);
    }
    const performs = [...new Set(all.filter(({ phase }) => phase === "perform").map(({ attempt }) => attempt))];
    performs.sort((a, b) => a - b);
    const last = performs.at(-1) ?? 0;
    for (const attempt of performs) {
      if (attempt === last) continue;
      doubles++;
      const record = attemptOf.get(key(executionId, attempt));
      if (record === undefined)
        add("unexplained double", `execution ${executionId} performed in attempt ${attempt} and again in ${last}`);
      else if (
        record.outcome === "lost" &&
        policiesAt(termsOf.get(row.jobId), record.endedAt)?.delivery === "at_most_once"
      )
        add(
          "at most once",
          `execution ${executionId} performed in attempt ${attempt}, which was lost, and again in ${last}`,
        );
      else explained++;
    }
    checkVerdict(row, all, add);
  }
  const seen = new Set(effects.filter(({ phase }) => phase === "perform").map(({ executionId }) => executionId));
  for (const { id, status } of rows) {
    if (status === "success" && !seen.has(id)) add("success without effect", `execution ${id}`);
  }
  return { violations, doubles, explained };
}

type Add = (rule: string, what: string) => void;

const key = (executionId: string, attempt: number): string => `${executionId} ${attempt}`;

function startOf(effect: Effect, row: LedgerRow, attemptOf: ReadonlyMap<string, AttemptRow>): number | null {
  if (effect.attempt === row.attempt) return row.worker === null ? null : row.startedAt;
  return attemptOf.get(key(effect.executionId, effect.attempt))?.startedAt ?? null;
}

function checkVerdict(row: LedgerRow, effects: readonly Effect[], add: Add): void {
  const performed = effects.some(({ phase, attempt }) => phase === "perform" && attempt === row.attempt);
  if (row.status === "success" && !performed)
    add("success without effect", `execution ${row.id} attempt ${row.attempt}`);
  if (row.status === "skipped" && performed)
    add("skipped with effect", `execution ${row.id} was skipped (${row.skipReason}) and performed`);
  const neverStarted = row.status === "skipped" && (row.skipReason === "misfire" || row.skipReason === "overlap");
  if (neverStarted && effects.length > 0)
    add("skipped with effect", `execution ${row.id} was skipped (${row.skipReason}) and called`);
}

/** Whether the target saw it or not: nothing may begin while the job is stopped. */
function checkStarts({ rows, attempts }: History, stopsOf: ReadonlyMap<string, Stop[]>, add: Add): void {
  const attemptsOf = Map.groupBy(attempts, (attempt) => attempt.executionId);
  for (const row of rows) {
    const starts = [row.startedAt ?? 0, ...(attemptsOf.get(row.id) ?? []).map(({ startedAt }) => startedAt)];
    for (const { op, from, until } of stopsOf.get(row.jobId) ?? []) {
      for (const start of starts) {
        if (start <= from || start >= until) continue;
        add("after stop", `execution ${row.id} was started ${Math.round(start - from)} ms after ${op} had returned`);
      }
    }
  }
}

function checkStopped(
  effect: Effect,
  start: number | null,
  all: readonly Effect[],
  { op, from, until }: Stop,
  add: Add,
): void {
  if (effect.at <= from || effect.at >= until || start === null) return;
  if (start > from) {
    add(
      "after stop",
      `execution ${effect.executionId}: ${effect.phase} ${Math.round(effect.at - from)} ms after ${op} had returned, started after it as well`,
    );
    return;
  }
  if (effect.phase !== "perform" || effect.at <= from + MARGIN_MS) return;
  const check = all.find(({ phase, attempt }) => phase === "check" && attempt === effect.attempt);
  if (check?.answeredAt == null || check.answeredAt <= from + ROUNDING_MS) return;
  if (check.answeredAt - check.at >= LONG_CHECK_MS)
    add(
      "after stop",
      `execution ${effect.executionId}: perform ${Math.round(effect.at - from)} ms after ${op} had returned, though its check ended later`,
    );
}
