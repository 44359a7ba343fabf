import type { StopSignal } from "./stop-signal.ts";

/** How many calls may be under way to one origin, and who waits for the next to end. */
export type HostSlots = {
  /** Does `work` once there is room, in the order of asking. Rejects with the signal's reason if that comes first. */
  hold<T>(origin: string, signal: StopSignal, work: () => Promise<T>): Promise<T>;
};

type Origin = { held: number; waiting: Set<() => void> };

export function createHostSlots(limit: number): HostSlots {
  const origins = new Map<string, Origin>();

  function take(name: string, signal: StopSignal): Promise<void> | undefined {
    const origin = origins.get(name) ?? { held: 0, waiting: new Set() };
    origins.set(name, origin);
    if (origin.held < limit) {
      origin.held += 1;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        origin.waiting.delete(turn);
        reject(signal.reason);
      };
      origin.waiting.add(turn);
      signal.addEventListener("abort", leave);
    });
  }

  function release(name: string): void {
    const origin = origins.get(name) as Origin;
    for (const next of origin.waiting) {
      // The slot goes from hand to hand, so that nobody who asks just now comes first.
      origin.waiting.delete(next);
      return next();
    }
    origin.held -= 1;
    if (origin.held === 0) origins.delete(name);
  }

  return {
    async hold(name, signal, work) {
      signal.throwIfAborted();
      const turn = take(name, signal);
      if (turn) await turn;
      try {
        // It may have been given up between its turn and now.
        signal.throwIfAborted();
        return await work();
      } finally {
        release(name);
      }
    },
  };
}
