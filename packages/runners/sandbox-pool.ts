import { type Reaper, startReaper } from "./host-reaper.ts";
import {
  type CalledHost,
  type CallHooks,
  callOn,
  compileOn,
  type SandboxCall,
  type SandboxOutcome,
} from "./sandbox-call.ts";
import type { CompileOutcome, FromHost, SandboxLanguage } from "./sandbox-messages.ts";
import { startSandboxProcess } from "./sandbox-process.ts";

/** Hosts at most, for each one that is meant to compute: those beyond wait for answers or compute for long. */
const HOSTS_PER_PLACE = 4;
/** Hosts in a row that ended before they were ready. */
const MAX_FALSE_STARTS = 5;
/** Accounts of which it is remembered when they had their last turn. */
const REMEMBERED_ACCOUNTS = 10_000;

/** A host that is held for one call. `leave` gives it back, and has to be called. */
export type SandboxPlace = {
  call: (call: SandboxCall) => Promise<SandboxOutcome>;
  leave: () => void;
};

export type SandboxPool = {
  /**
   * Waits for a host. Those of one account wait behind those of accounts that hold fewer, and of these behind the ones
   * whose last turn is longer ago. Rejects with the signal's reason.
   */
  enter: (account: string, signal: AbortSignal) => Promise<SandboxPlace>;
  /** Waits for a host as a call does. The signal ends the waiting; what has begun has a limit of its own. */
  compile: (
    account: string,
    source: string,
    language: SandboxLanguage,
    signal?: AbortSignal,
  ) => Promise<CompileOutcome>;
  close: () => Promise<void>;
  /** How many hosts there are, and how many of them are held. */
  count: () => { hosts: number; held: number };
};

/**
 * Processes that run uploaded code. Each takes one call at a time, so a host that is killed takes nothing with it but the
 * call that overran. `places` is how many are meant to compute at the same time. No host is started before the first is asked for.
 * `perAccount` is how many one account holds at most: half of them unless told otherwise, so that another account finds
 * one even while this one's calls never end.
 */
export function createSandboxPool({ places, perAccount }: { places: number; perAccount?: number }): SandboxPool {
  const maxHosts = places * HOSTS_PER_PLACE;
  const maxHeld = perAccount ?? maxHosts / 2;
  const hosts = new Set<Host>();
  const queue: Waiter[] = [];
  /** The number of each account's last turn, the oldest first. */
  const turns = new Map<string, number>();
  let turn = 0;
  let falseStarts = 0;
  let closed = false;
  let reaper: Reaper | null = null;

  return {
    enter,
    async compile(account, source, language, signal = new AbortController().signal) {
      const place = await enter(account, signal);
      try {
        return await place.compile(source, language);
      } finally {
        place.leave();
      }
    },
    async close() {
      closed = true;
      for (const waiter of queue.splice(0)) settle(waiter, () => waiter.reject(new Error("the sandbox is closed")));
      const ends = [...hosts].map((host) => host.ended);
      for (const host of hosts) host.process.kill();
      await Promise.all(ends);
      reaper?.close();
    },
    count: () => ({ hosts: hosts.size, held: [...hosts].filter((host) => host.holder !== null).length }),
  };

  function enter(account: string, signal: AbortSignal): Promise<Place> {
    return new Promise((resolve, reject) => {
      if (closed) return reject(new Error("the sandbox is closed"));
      if (signal.aborted) return reject(signal.reason);
      const waiter: Waiter = { account, resolve, reject, signal, onAbort: () => drop(waiter, signal.reason) };
      signal.addEventListener("abort", waiter.onAbort, { once: true });
      queue.push(waiter);
      serve();
    });
  }

  function drop(waiter: Waiter, reason: unknown): void {
    const index = queue.indexOf(waiter);
    if (index >= 0) queue.splice(index, 1);
    waiter.reject(reason);
  }

  /** Gives hosts to those who wait, as far as there are any, and sees to it that there will be. */
  function serve(): void {
    for (;;) {
      const waiter = nextWaiter();
      if (!waiter) return;
      const free = [...hosts].find((host) => host.ready && host.holder === null);
      if (!free) return startMissing();
      queue.splice(queue.indexOf(waiter), 1);
      settle(waiter, () => waiter.resolve(hold(free, waiter.account)));
      startMissing();
    }
  }

  /** Of those that may have a host now, the first of the account that holds fewest, and of such accounts of the one that has waited longest for a turn. */
  function nextWaiter(): Waiter | undefined {
    const held = [...hosts].filter((host) => host.holder !== null);
    if (held.filter((host) => !host.resting && !host.long).length >= places) return undefined;
    const heldBy = (account: string) => held.filter((host) => host.holder === account).length;
    let best: { waiter: Waiter; holds: number; last: number } | undefined;
    for (const waiter of queue) {
      const [holds, last] = [heldBy(waiter.account), turns.get(waiter.account) ?? 0];
      if (holds >= maxHeld) continue;
      if (!best || holds < best.holds || (holds === best.holds && last < best.last)) best = { waiter, holds, last };
    }
    return best?.waiter;
  }

  /** Whoever comes anew may not pass for one that had no turn yet, so accounts are remembered while they do not wait. */
  function noteTurn(account: string): void {
    turns.delete(account);
    turns.set(account, ++turn);
    if (turns.size <= REMEMBERED_ACCOUNTS) return;
    const [oldest] = turns.keys();
    turns.delete(oldest as string);
  }

  /** One is warm beyond those that are held, as far as there may be so many. */
  function startMissing(): void {
    if (closed) return;
    const held = [...hosts].filter((host) => host.holder !== null).length;
    const wanted = Math.min(maxHosts, Math.max(places, held + 1));
    while (hosts.size < wanted) hosts.add(startHost());
  }

  function startHost(): Host {
    // Told to nobody: without it hosts end all the same, if not in the middle of an endless computation.
    reaper ??= startReaper(() => undefined);
    const { add, drop: release } = reaper;
    const { promise: ended, resolve: onEnded } = Promise.withResolvers<void>();
    const host: Host = {
      process: startSandboxProcess(
        (message) => receive(host, message),
        () => {
          hosts.delete(host);
          if (host.process.pid !== undefined) release(host.process.pid);
          onEnded();
          host.onGone?.("its process ended unexpectedly");
          if (!host.ready) falseStarts += 1;
          if (falseStarts < MAX_FALSE_STARTS) return serve();
          falseStarts = 0;
          for (const waiter of queue.splice(0))
            settle(waiter, () => waiter.reject(new Error("the sandbox's processes do not start")));
        },
      ),
      ended,
      ready: false,
      holder: null,
      resting: false,
      long: false,
      known: new Set(),
      knownChars: 0,
      onMessage: null,
      onGone: null,
    };
    if (host.process.pid !== undefined) add(host.process.pid);
    return host;
  }

  function receive(host: Host, message: FromHost): void {
    if (message.type !== "ready") return host.onMessage?.(message);
    host.ready = true;
    falseStarts = 0;
    serve();
  }

  function hold(host: Host, account: string): Place {
    host.holder = account;
    noteTurn(account);
    let busy: Promise<unknown> = Promise.resolve();
    let left = false;
    const free = () => {
      host.holder = null;
      host.resting = false;
      host.long = false;
      const idle = [...hosts].filter((one) => one.holder === null).length;
      // More were needed for a while.
      if (hosts.has(host) && idle > places + 1) retire(host);
      serve();
    };
    return {
      async call(call) {
        // Whoever held it has given up before there was anything to call.
        if (left) return { ok: false, reason: "killed", message: "it was stopped before it began", permanent: false };
        if (!hosts.has(host)) {
          return { ok: false, reason: "killed", message: "its process ended before it began", permanent: false };
        }
        const outcome = callOn(host, call, hooksOf(host));
        busy = outcome;
        return outcome;
      },
      compile: (source, language) => compileOn(host, source, language, hooksOf(host)),
      leave() {
        if (left) return;
        left = true;
        // A call that was given up may still be about to stop.
        void busy.then(free);
      },
    };
  }

  function hooksOf(host: Host): CallHooks {
    return { retire: () => retire(host), roomChanged: serve };
  }

  /** Takes a host out of use. */
  function retire(host: Host): void {
    hosts.delete(host);
    host.process.kill();
  }
}

type Place = SandboxPlace & { compile: (source: string, language: SandboxLanguage) => Promise<CompileOutcome> };

/** A host, and whose call it has. */
type Host = CalledHost & { ended: Promise<void>; ready: boolean; holder: string | null };

type Waiter = {
  account: string;
  resolve: (place: Place) => void;
  reject: (reason: unknown) => void;
  signal: AbortSignal;
  onAbort: () => void;
};

function settle(waiter: Waiter, how: () => void): void {
  waiter.signal.removeEventListener("abort", waiter.onAbort);
  how();
}
