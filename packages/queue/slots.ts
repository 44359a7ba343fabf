/** Places for so many things that may run at once. Who waits for one is let in in the order of asking. */
export type Slots = {
  /** True with a place, which is to be left again; false if none becomes free within so many milliseconds. */
  take(withinMs: number): Promise<boolean>;
  leave(): void;
  free(): number;
  /** Nobody is let in any more, and who waits is turned away at once. */
  shut(): void;
};

export function createSlots(count: number): Slots {
  let free = count;
  let isShut = false;
  const waiting = new Set<(letIn: boolean) => void>();
  return {
    take(withinMs) {
      if (isShut) return Promise.resolve(false);
      if (free > 0) {
        free--;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const decide = (letIn: boolean) => {
          clearTimeout(timer);
          waiting.delete(decide);
          resolve(letIn);
        };
        const timer = setTimeout(decide, Math.max(0, withinMs), false);
        waiting.add(decide);
      });
    },
    leave() {
      // It goes from hand to hand, so that nobody who asks just now comes first.
      const [next] = waiting;
      if (next) next(true);
      else free++;
    },
    free: () => free,
    shut() {
      isShut = true;
      for (const turnAway of waiting) turnAway(false);
    },
  };
}
