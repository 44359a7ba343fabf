import type { Phase } from "@belfry/contract/states.ts";
import { type CallbackKey, callbackToken } from "@belfry/db/callback-token.ts";
import { acceptCallback, type CallbackState, closeCallbacks, readCallbacks } from "@belfry/db/callbacks.ts";
import type { Db } from "@belfry/db/client.ts";
import type { LateAnswer, LatePhase } from "@belfry/runners/late-answer.ts";
import type { Logger } from "@belfry/service/logger.ts";
import { startLoop } from "@belfry/service/loop.ts";
import { createMicroBatch } from "@belfry/service/micro-batch.ts";
import { untilAnswered } from "./until-answered.ts";

/** What functions have said is looked for this often, should the notification that they said it be lost. */
const LOOK_EVERY_MS = 1_000;
const MAX_BATCH = 500;
const PARALLEL = 2;
/** More executions than this do not wait beside a worker's slots: those that come after keep theirs. */
const MAX_WAITING = 10_000;

export type CallbackTools = {
  db: Db;
  /** The API as functions see it. */
  publicUrl: string;
  secret: Buffer;
  log: Logger;
  /** Aborted when this worker no longer counts: nothing is asked of the database for it then. */
  lost: AbortSignal;
};

/** The phases of this worker that functions have taken on and answer later. */
export type Callbacks = {
  /** One phase of an attempt. `onWaiting` is called when the function has taken it on. */
  phase(key: CallbackKey, onWaiting: () => void): LatePhase;
  /** A function has said something of an execution. */
  notify(executionId: string): void;
  /** Looks at all that wait. */
  look(): void;
  stop(): Promise<void>;
};

type Waiting = {
  key: CallbackKey;
  heartbeatAt: number | null;
  renew: () => void;
  resolve: (answer: LateAnswer) => void;
};

export function createCallbacks({ db, publicUrl, secret, log, lost }: CallbackTools): Callbacks {
  // One phase at a time of each execution.
  const waiting = new Map<string, Waiting>();
  const base = `${publicUrl.replace(/\/+$/, "")}/automation/executions`;
  const batch = { maxSize: MAX_BATCH, parallel: PARALLEL };
  const reads = createMicroBatch<CallbackKey, CallbackState | null>({
    ...batch,
    run: (keys) => readCallbacks(db, keys),
  });
  const closes = createMicroBatch<CallbackKey, string | null>({
    ...batch,
    run: (keys) => untilAnswered(() => closeCallbacks(db, keys), log, lost),
  });
  const loop = startLoop({
    name: "callbacks",
    everyMs: LOOK_EVERY_MS,
    log,
    runOnce: async () => void (await Promise.all([...waiting.values()].map(look))),
  });

  return {
    phase: (key, onWaiting) => ({
      callback: { url: `${base}/${key.executionId}`, token: callbackToken(secret, key) },
      wait: (signal, renew) => wait(key, onWaiting, signal, renew),
      close: async () => parse(await closes.add(key)),
    }),
    notify(executionId) {
      const one = waiting.get(executionId);
      // What it does not find out now, the loop does.
      if (one) look(one).catch(() => loop.wake());
    },
    look: loop.wake,
    stop: loop.stop,
  };

  async function wait(
    key: CallbackKey,
    onWaiting: () => void,
    signal: AbortSignal,
    renew: () => void,
  ): Promise<LateAnswer> {
    const { promise, resolve } = Promise.withResolvers<LateAnswer>();
    const one: Waiting = { key, heartbeatAt: null, renew, resolve };
    const forget = () => void waiting.delete(key.executionId);
    signal.addEventListener("abort", forget, { once: true });
    if (waiting.size < MAX_WAITING) onWaiting();
    // Before the first look: a notification that comes while that is under way is not to be missed.
    if (!signal.aborted) waiting.set(key.executionId, one);
    try {
      tell(one, await untilAnswered(() => acceptCallback(db, key), log, lost));
      return await promise;
    } finally {
      signal.removeEventListener("abort", forget);
      forget();
    }
  }

  async function look(one: Waiting): Promise<void> {
    tell(one, await reads.add(one.key));
  }

  function tell(one: Waiting, state: CallbackState | null): void {
    if (!state) return;
    if (state.heartbeatAt !== one.heartbeatAt) one.renew();
    one.heartbeatAt = state.heartbeatAt;
    const answer = parse(state.answer);
    if (answer) one.resolve(answer);
  }
}

/** The phases of one attempt, as a run carries them. */
export const laterOf =
  (callbacks: Callbacks, { executionId, attempt }: { executionId: string; attempt: number }, onWaiting: () => void) =>
  (phase: Phase): LatePhase =>
    callbacks.phase({ executionId, attempt, phase }, onWaiting);

/** What the API has stored is what its contract has let through. */
const parse = (answer: string | null): LateAnswer | null =>
  answer === null ? null : (JSON.parse(answer) as LateAnswer);
