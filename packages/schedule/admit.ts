import type { OverlapPolicy } from "@belfry/contract/policies.ts";

/** What becomes of executions that are about to be made while others of their job are open. */
export type Admission = {
  /** For each in turn: it is put on the queue, waits for its turn, or is skipped as `overlap`. */
  verdicts: ("run" | "hold" | "skip")[];
  /** How many of those that are open are to be cancelled, the oldest first. */
  cancel: number;
  /** Whether those that wait already are skipped as `overlap`: what comes takes their place. */
  dropHeld: boolean;
};

/**
 * Admits `count` executions of one job. `running` are its open ones that do not wait for their turn, `held` those that do.
 */
export function admit(policy: OverlapPolicy, { running, held }: { running: number; held: number }, count: number): Admission {
  const free = Math.max(0, policy.max_instances - running);
  switch (policy.policy) {
    case "allow":
      return { verdicts: [...many("run", count)], cancel: 0, dropHeld: false };
    case "skip": {
      const runs = Math.min(count, free);
      return { verdicts: [...many("run", runs), ...many("skip", count - runs)], cancel: 0, dropHeld: false };
    }
    case "queue": {
      // Those that wait already come first.
      const runs = Math.min(count, Math.max(0, free - held));
      const holds = Math.min(count - runs, Math.max(0, policy.max_queued - held));
      const verdicts = [...many("run", runs), ...many("hold", holds), ...many("skip", count - runs - holds)];
      return { verdicts, cancel: 0, dropHeld: false };
    }
    case "cancel_running": {
      // The latest are the ones that count: they wait until what they replace has ended.
      const kept = Math.min(count, policy.max_instances);
      const runs = Math.min(kept, free);
      const verdicts = [...many("skip", count - kept), ...many("run", runs), ...many("hold", kept - runs)];
      return { verdicts, cancel: kept - runs, dropHeld: held > 0 };
    }
  }
}

type AdmissionVerdict = Admission["verdicts"][number];

const many = (verdict: AdmissionVerdict, times: number): AdmissionVerdict[] => Array.from({ length: times }, () => verdict);
