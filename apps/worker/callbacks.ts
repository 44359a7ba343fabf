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

/** The phases of this worker that functions are called for, or have taken on and answer later. */
export type Callbacks = {
  /** One phase of an attempt. `onWaiting` is called when the function has taken it on. */
  phase(key: CallbackKey, onWaiting: () => void): LatePhase;
  /** A function has said something of an execution. */
  notify(executionId: string): void;
  /** Looks at all that wait, and at all that are called. */
  look(): void;
  stop(): Promise<void>;
};

/** A phase whose call is under way. `heard`: its function has said something, or may have. */
type Held = { key: CallbackKey; heartbeatAt: number | null; heard: boolean; renew: () => void };
/** A phase that was taken on. */
type Waiting = Omit<Held, "heard"> & { resolve: (answer: LateAnswer) => void };

export function createCallbacks({ db, publicUrl, secret, log, lost }: CallbackTools): Callbacks {
  // One phase at a time of each execution.
  const waiting = new Map<string, Waiting>();
  const held = new Map<string, Held>();
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
    async runOnce() {
      // Most functions answer at once and say nothing before: these cost no query.
      const heard = [...held.values()].filter((one) => one.heard);
      await Promise.all([...waiting.values(), ...heard].map(look));
    },
  });

  return {
    phase: (key, onWaiting) => ({
      callback: { url: `${base}/${key.executionId}`, token: callbackToken(secret, key) },
      listen: (renew) => listen(key, renew),
      wait: (signal, renew) => wait(key, onWaiting, signal, renew),
      close: async () => parse(await closes.add(key)),
    }),
    notify(executionId) {
      const holding = held.get(executionId);
      if (holding) holding.heard = true;
      const one = waiting.get(executionId) ?? holding;
      // What it does not find out now, the loop does.
      if (one) look(one).catch(() => loop.wake());
    },
    look() {
      for (const one of held.values()) one.heard = true;
      loop.wake();
    },
    stop: loop.stop,
  };

  function listen(key: CallbackKey, renew: () => void): () => void {
    const one: Held = { key, heartbeatAt: null, heard: false, renew };
    held.set(key.executionId, one);
    return () => {
      if (held.get(key.executionId) === one) held.delete(key.executionId);
    };
  }

  async function wait(
    key: CallbackKey,
    onWaiting: () => void,
    signal: AbortSignal,
    renew: () => void,
  ): Promise<LateAnswer> {
    const { promise, resolve } = Promise.withResolvers<LateAnswer>();
    // What has begun the limit anew while the connection was held does not do so once more.
    const one: Waiting = { key, heartbeatAt: held.get(key.executionId)?.heartbeatAt ?? null, renew, resolve };
    held.delete(key.executionId);
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

  async function look(one: Held | Waiting): Promise<void> {
    tell(one, await reads.add(one.key));
  }

  function tell(one: Held | Waiting, state: CallbackState | null): void {
    if (!state) return;
    if (state.heartbeatAt !== one.heartbeatAt) one.renew();
    one.heartbeatAt = state.heartbeatAt;
    const answer = parse(state.answer);
    // Of a call that is under way, what it responds says whether this is the answer.
    if (answer && "resolve" in one) one.resolve(answer);
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
