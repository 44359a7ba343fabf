import { setTimeout as sleep } from "node:timers/promises";
import type { FunctionTest } from "@belfry/contract/sandbox.ts";
import type { Db } from "@belfry/db/client.ts";
import { takeAnswer } from "@belfry/db/function-tests.ts";
import { type Listener, listen, TESTED_CHANNEL } from "@belfry/db/listen.ts";

/** The notification is the fast way; it may have been missed. */
const LOOK_EVERY_MS = 500;

export type TestAnswers = {
  /** What a worker answers to a test within `waitMs`, or null. */
  wait: (testId: string, waitMs: number) => Promise<FunctionTest | null>;
  /** Ends the waiting, with null. */
  close: () => Promise<void>;
};

/** Waits for workers to answer tests. It listens from the first test on. */
export function createTestAnswers(db: Db, url: string, onError: (error: Error) => void): TestAnswers {
  const closing = new AbortController();
  const waiting = new Map<string, () => void>();
  let listener: Listener | null = null;

  return {
    async wait(testId, waitMs) {
      listener ??= listen(url, TESTED_CHANNEL, { onNotify: (id) => waiting.get(id)?.(), onError });
      const deadline = performance.now() + waitMs;
      try {
        for (;;) {
          const told = Promise.withResolvers<void>();
          waiting.set(testId, told.resolve);
          // Asked after it was said where to tell: an answer that comes in between is not missed.
          const answer = await takeAnswer(db, testId);
          const left = deadline - performance.now();
          if (answer || left <= 0 || closing.signal.aborted) return answer;
          const look = sleep(Math.min(LOOK_EVERY_MS, left), undefined, { signal: closing.signal, ref: false });
          await Promise.race([told.promise, look.catch(() => undefined)]);
        }
      } finally {
        waiting.delete(testId);
      }
    },
    async close() {
      closing.abort();
      await listener?.close();
    },
  };
}
