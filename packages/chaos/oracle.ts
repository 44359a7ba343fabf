import type { CallRecord, JobPatch, JobWish } from "./history.ts";
import { instantsBetween, type PlainSchedule, periodOf } from "./instants.ts";

/** From `after` (excluded) to `upTo` (included), in milliseconds. */
export type Span = { after: number; upTo: number };

/** A stretch of time in which a job was planned by one schedule without a break. */
export type Segment = {
  /** Occurrences of these have to be in the ledger, unless the job had no run left. */
  must: number[];
  maxRuns: number;
  /** When the change that ended it had surely been applied. */
  endedBy: number;
};

/** What a job's ledger may and has to hold, by the client's log alone. */
export type Expectation = {
  segments: Segment[];
  /** Occurrences close to a change, of which it cannot be known on which side they lie. */
  may: Set<number>;
  /** Spans in which a change was applied nobody knows when, perhaps twice: any instant may be planned in them. */
  loose: Span[];
};

type State = { schedule: PlainSchedule; paused: boolean; enabled: boolean; maxRuns: number };

/** How long a transaction that creates a job can be under way between its two looks at the clock. */
const CREATE_MAX_MS = 10_000;

/**
 * Replays the changes of one job that were acknowledged, in order, up to `endedAt`. `firstAfter` answers the first
 * scheduled instant of the job's ledger after an instant: only for the phase of an interval whose start the API could
 * not tell.
 */
export function expectOccurrences(
  records: readonly CallRecord[],
  endedAt: number,
  firstAfter: (instant: number) => number | null,
): Expectation {
  const expectation: Expectation = { segments: [], may: new Set(), loose: [] };
  let state: State | null = null;
  /** Where the present segment begins: what is later must be there. */
  let begin = 0;

  for (const record of records) {
    if (!isApplied(record)) continue;
    const next = apply(state, record);
    if (next === null || !isBoundary(state, next, record)) {
      state = next;
      continue;
    }
    const { lo, hi, exact } = windowOf(record);
    if (state !== null && isPlanned(state)) close(state, { lo, hi });
    if (record.unknownTries > 0 && record.call.op !== "create") expectation.loose.push({ after: lo - 1, upTo: hi });
    if (next.schedule.anchor === null)
      next.schedule = { ...next.schedule, anchor: findAnchor(next, record, lo, exact) };
    if (isPlanned(next) && !exact) addMay(next, lo, hi);
    begin = exact ? lo : hi;
    state = next;
  }
  if (state !== null && isPlanned(state)) close(state, { lo: endedAt, hi: endedAt });
  return expectation;

  function close({ schedule, maxRuns }: State, { lo, hi }: { lo: number; hi: number }): void {
    expectation.segments.push({ must: instants(schedule, begin, lo), maxRuns, endedBy: hi });
    for (const at of instants(schedule, Math.max(begin, lo), hi)) expectation.may.add(at);
  }

  function addMay({ schedule }: State, after: number, upTo: number): void {
    for (const at of instants(schedule, after, upTo)) expectation.may.add(at);
  }

  function findAnchor({ schedule }: State, record: CallRecord, lo: number, exact: boolean): number | null {
    const { answer, settledAt } = record;
    if (periodOf(schedule.text) === null) return null;
    if (exact) return lo;
    // Whichever of the tries came last, it is what the job was changed by.
    if (settledAt !== null && answer?.status !== "completed" && settledAt >= lo) return settledAt;
    return answer?.next_run ? Date.parse(answer.next_run) : firstAfter(lo);
  }
}

/** An interval that nobody could tell the phase of, not even the ledger, has planned nothing. */
function instants(schedule: PlainSchedule, after: number, upTo: number): number[] {
  if (periodOf(schedule.text) !== null && schedule.anchor === null) return [];
  return instantsBetween(schedule, after, upTo);
}

/**
 * Whether a change was made. A resume that was tried more than once may have been, though it is refused in the end, since the
 * job is completed: a paused job is not, so an earlier try has resumed it, and it had nothing left to run.
 */
export function isApplied({ call, status, answer, unknownTries }: CallRecord): boolean {
  if (status >= 200 && status < 300) return true;
  return call.op === "resume" && status === 409 && unknownTries > 0 && answer?.status === "completed";
}

const isPlanned = ({ paused, enabled }: State): boolean => enabled && !paused;

function apply(state: State | null, { call }: CallRecord): State | null {
  if (call.op === "create") return created(call.wish);
  if (state === null) return null;
  switch (call.op) {
    case "patch":
      return patched(state, call.patch);
    case "pause":
      return { ...state, paused: true };
    case "resume":
      return { ...state, paused: false };
    case "delete":
      return { ...state, enabled: false };
    default:
      return state;
  }
}

function created(wish: JobWish): State {
  const schedule = { text: wish.schedule, timezone: wish.timezone, anchor: null };
  return { schedule, paused: false, enabled: wish.enabled, maxRuns: wish.max_runs };
}

function patched(state: State, patch: JobPatch): State {
  const changesPlan = patch.schedule !== undefined || patch.timezone !== undefined;
  const { text, timezone } = state.schedule;
  return {
    ...state,
    // An interval is counted from the change that made it, also from one of the time zone.
    schedule: changesPlan
      ? { text: patch.schedule ?? text, timezone: patch.timezone ?? timezone, anchor: null }
      : state.schedule,
    enabled: patch.enabled ?? state.enabled,
    maxRuns: patch.max_runs ?? state.maxRuns,
  };
}

function isBoundary(before: State | null, after: State, { call }: CallRecord): boolean {
  if (before === null || isPlanned(before) !== isPlanned(after)) return true;
  // More runs begin the plan anew where it had come to its end.
  return before.schedule !== after.schedule || (call.op === "patch" && call.patch.max_runs !== undefined);
}

/** Where in time a change lies: after `lo`, not after `hi`; `exact` if it is `lo` itself. */
function windowOf(record: CallRecord): { lo: number; hi: number; exact: boolean } {
  const { answer, call, invokedAt, returnedAt } = record;
  const hi = Math.max(returnedAt, record.settledAt ?? 0);
  const isWithin = (at: number): boolean => at >= invokedAt - 1 && at <= returnedAt;
  if (call.op === "create") {
    const at = answer === null ? Number.NaN : Date.parse(answer.created_at);
    return isWithin(at)
      ? { lo: at, hi: Math.min(hi, at + CREATE_MAX_MS), exact: false }
      : { lo: invokedAt, hi, exact: false };
  }
  const at = answer === null ? Number.NaN : Date.parse(answer.updated_at);
  // Completing a job is a later change of its own.
  const exact = record.unknownTries === 0 && answer?.status !== "completed" && isWithin(at);
  return { lo: exact ? at : invokedAt, hi, exact };
}
