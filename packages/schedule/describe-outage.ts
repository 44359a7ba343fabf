import { instantText } from "./describe-words.ts";
import type { OutageOutcome, OutageVerdict } from "./simulate.ts";
import { listed } from "./words.ts";

/** `When the scheduler is back at 2026-03-02T05:00:00Z, 1 occurrence runs late and 2 are skipped (misfire); the next one is at …` */
export function describeOutage({ rows, next, isComplete }: OutageOutcome, back: number): string {
  const count = (verdict: OutageVerdict) =>
    rows.filter((row) => row.verdict === verdict).reduce((sum, row) => sum + row.count, 0);
  const [late, onTime, skipped] = [count("runs late"), count("runs on time"), count("skipped (misfire)")];
  const parts = [
    late > 0 && `${occurrences(late)} ${late === 1 ? "runs" : "run"} late`,
    onTime > 0 && `${occurrences(onTime)} ${onTime === 1 ? "runs" : "run"} on time`,
    skipped > 0 && `${occurrences(skipped)} ${skipped === 1 ? "is" : "are"} skipped (misfire)`,
  ].filter((part) => part !== false);
  const when = `When the scheduler is back at ${instantText(back)}`;
  if (!isComplete) {
    const rest = "there is more to plan than a simulation looks at";
    return next === null || parts.length === 0
      ? `${when}, ${rest}`
      : `${when}, ${listed(parts)}; from ${instantText(next)} on ${rest}`;
  }
  const after = next === null ? "there is no next one" : `the next one is at ${instantText(next)}`;
  return `${when}, ${listed(parts) || "nothing was missed"}; ${after}`;
}

const occurrences = (count: number): string => `${count} occurrence${count === 1 ? "" : "s"}`;
