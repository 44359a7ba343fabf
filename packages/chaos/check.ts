import { checkAutoPause, withAutoPauses } from "./check-auto-pause.ts";
import { checkCalls } from "./check-calls.ts";
import { checkCauses } from "./check-causes.ts";
import { checkEffects } from "./check-effects.ts";
import { checkMisfires } from "./check-misfires.ts";
import { checkOverlap } from "./check-overlap.ts";
import { checkPlan } from "./check-plan.ts";
import { checkRows } from "./check-rows.ts";
import type { History, Violation } from "./history.ts";

export type Verdict = {
  violations: Violation[];
  planned: number;
  uncertain: number;
  beyondLimit: number;
  doubles: number;
  explained: number;
};

/** Judges a run from outside: by the client's log, the target's file and the ledger. */
export function check(told: History): Verdict {
  const history = withAutoPauses(told);
  const { violations, planned, uncertain, beyondLimit } = checkPlan(history);
  const effects = checkEffects(history);
  return {
    violations: [
      ...violations,
      ...checkRows(history),
      ...checkMisfires(history),
      ...effects.violations,
      ...checkOverlap(history),
      ...checkAutoPause(history),
      ...checkCauses(history),
      ...checkCalls(history),
      ...history.crashes.map((line) => ({ rule: "postgres crash", what: line })),
    ],
    planned,
    uncertain,
    beyondLimit,
    doubles: effects.doubles,
    explained: effects.explained,
  };
}
