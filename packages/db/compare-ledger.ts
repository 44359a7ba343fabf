/** The planned occurrences of a job and the rows of its ledger, compared as sets. Instants in milliseconds. */
import { setImmediate } from "node:timers/promises";
import type { AuditFindingKind } from "@belfry/contract/audit.ts";
import { type PlanSegment, plannedInstants } from "./planned-instants.ts";

/** An execution of the schedule: one occurrence, or a range of them. */
export type LedgerRow = { id: string; from: number; until: number; count: number };

export type Difference = {
  kind: Extract<AuditFindingKind, "hole" | "unplanned" | "duplicate">;
  executionId: string | null;
  from: number;
  until: number;
  message: string;
};

/** A job that has lost its place can have years of holes: what follows is not looked at. */
const MAX_HOLES = 100_000;
/** Some 15 ms of work, after which others have their turn. */
const BREATHE_EVERY = 10_000;

/**
 * Walks through both in the order of time. `rows` by `from`. Returns how many occurrences were planned, and how
 * many of those that the rows stand for lie before `since`, and calls `report` with each difference. What can no longer be computed is taken from the rows as it is.
 */
export async function compareLedger(
  segments: readonly PlanSegment[],
  rows: AsyncIterable<LedgerRow>,
  since: number,
  report: (difference: Difference) => void,
): Promise<{ due: number; before: number }> {
  const planned = new Walk(plannedInstants(segments, since));
  const opaque = segments.filter(({ computable }) => !computable);
  const missing = new Missing(report);
  let due = 0;
  let before = 0;
  let servedUpTo = Number.NEGATIVE_INFINITY;
  for await (const row of rows) {
    while (planned.at < row.from && missing.count < MAX_HOLES) {
      missing.add(planned.at);
      due++;
      await planned.step();
    }
    missing.close();
    if (missing.count >= MAX_HOLES) return { due, before };
    const beginsRight = planned.at === row.from || row.from < since;
    let covered = 0;
    for (; planned.at <= row.until; await planned.step()) covered++;
    if (opaque.some(({ first, upTo }) => first <= row.from && row.from <= upTo)) due += row.count;
    else {
      due += covered;
      if (row.from < since) before += row.count - covered;
      if (row.from <= servedUpTo) report(differs("duplicate", row, "another execution stands for its instant already"));
      else if (!beginsRight) report(differs("unplanned", row, "its instant was not planned"));
      else if (covered !== row.count && row.from >= since) {
        const kind = covered > row.count ? "hole" : "unplanned";
        report(differs(kind, row, `stands for ${row.count} occurrences, ${covered} were planned in its time`));
      }
    }
    servedUpTo = Math.max(servedUpTo, row.until);
  }
  for (; planned.at < Number.POSITIVE_INFINITY && missing.count < MAX_HOLES; await planned.step()) {
    missing.add(planned.at);
    due++;
  }
  missing.close();
  return { due, before };
}

const differs = (kind: Difference["kind"], { id, from, until }: LedgerRow, message: string): Difference => ({
  kind,
  executionId: id,
  from,
  until,
  message,
});

/** An iterator that one can look at, and that lets others have their turn. `at` is infinity when it has ended. */
class Walk {
  at: number;
  readonly #instants: Iterator<number>;
  #steps = 0;

  constructor(instants: Iterator<number>) {
    this.#instants = instants;
    this.at = this.#read();
  }

  step(): Promise<void> | undefined {
    this.at = this.#read();
    return ++this.#steps % BREATHE_EVERY === 0 ? setImmediate() : undefined;
  }

  #read(): number {
    const next = this.#instants.next();
    return next.done ? Number.POSITIVE_INFINITY : next.value;
  }
}

/** Holes next to each other are one finding. */
class Missing {
  count = 0;
  readonly #report: (difference: Difference) => void;
  #run: { from: number; until: number; count: number } | null = null;

  constructor(report: (difference: Difference) => void) {
    this.#report = report;
  }

  add(at: number): void {
    this.count++;
    if (this.#run) this.#run = { ...this.#run, until: at, count: this.#run.count + 1 };
    else this.#run = { from: at, until: at, count: 1 };
  }

  close(): void {
    if (!this.#run) return;
    const { from, until, count } = this.#run;
    const message = count === 1 ? "was planned and has no execution" : `${count} were planned and have no execution`;
    this.#report({ kind: "hole", executionId: null, from, until, message });
    this.#run = null;
  }
}
