import type { OverlapPolicy } from "@belfry/contract/policies.ts";

/** An execution is put on the queue, waits for its turn, or is skipped as `overlap`. */
export type AdmissionVerdict = "run" | "hold" | "skip";

/** What becomes of executions that are about to be made while others of their job are open. */
export type Admission = {
  /** For each in turn. */
  verdicts: AdmissionVerdict[];
  /** How many of those that are open are to be cancelled, the oldest first. */
  cancel: number;
  /** Whether those that wait already are skipped as `overlap`: what comes takes their place. */
  dropHeld: boolean;
};

/**
 * Admits `count` executions of one job. `running` are its open ones that do not wait for their turn, `held` those that do.
 */
export function admit(
  policy: OverlapPolicy,
  { running, held }: { running: number; held: number },
  count: number,
): Admission {
  // Those that wait are open too, and their places are not given away.
  const free = Math.max(0, policy.max_instances - running - held);
  const runs = Math.min(count, free);
  switch (policy.policy) {
    case "allow":
      return { verdicts: many("run", count), cancel: 0, dropHeld: false };
    case "skip":
      return { verdicts: [...many("run", runs), ...many("skip", count - runs)], cancel: 0, dropHeld: false };
    case "queue": {
      const holds = Math.min(count - runs, Math.max(0, policy.max_queued - held));
      const verdicts = [...many("run", runs), ...many("hold", holds), ...many("skip", count - runs - holds)];
      return { verdicts, cancel: 0, dropHeld: false };
    }
    case "cancel_running":
      return takePlaces(policy.max_instances, running, held, count);
    default:
      throw new Error(`unknown overlap policy ${JSON.stringify(policy.policy satisfies never)}`);
  }
}

/** The latest are the ones that count: places go to those that come, then to those that wait, and last to those that run. */
function takePlaces(places: number, running: number, held: number, count: number): Admission {
  if (count === 0) return { verdicts: [], cancel: 0, dropHeld: false };
  const kept = Math.min(count, places);
  // Those that wait are kept beside what comes if they all fit: what they replace was told to stop already, and to drop
  // them would leave its places empty.
  const dropHeld = held > 0 && held + kept > places;
  const waiting = dropHeld ? 0 : held;
  const runs = Math.min(kept, Math.max(0, places - running - waiting));
  const verdicts = [...many("skip", count - kept), ...many("run", runs), ...many("hold", kept - runs)];
  return { verdicts, cancel: Math.max(0, running + waiting + kept - places), dropHeld };
}

const many = (verdict: AdmissionVerdict, times: number): AdmissionVerdict[] =>
  Array.from({ length: times }, () => verdict);
