import { dstRuleOf, type LocalSchedule, usualDstRuleOf } from "./dst-rule-of.ts";

const GAP = {
  shift: "local times that the clocks skip come later by as much",
  next: "local times that the clocks skip come at the first instant after it",
  skip: "local times that the clocks skip are left out",
};
const FOLD = {
  first: "those that come twice count the first time",
  last: "those that come twice count the second time",
  both: "those that come twice count both times",
};

/** What a schedule's own rule for gaps and folds does, to be put at the end of its sentence; nothing if it is what it would do anyway. */
export function describeDst(schedule: LocalSchedule): string {
  const [dst, usual] = [dstRuleOf(schedule), usualDstRuleOf(schedule)];
  if (dst.gap === usual.gap && dst.fold === usual.fold) return "";
  return ` (${GAP[dst.gap]}, ${FOLD[dst.fold]})`;
}
