import type {
  CallLimits,
  CallOutcome,
  CompileOutcome,
  FetchAnswer,
  FromHost,
  LogLevel,
  SandboxLanguage,
  SandboxRun,
} from "./sandbox-messages.ts";
import { type SandboxProcess, startSandboxProcess } from "./sandbox-process.ts";

/** A call that computes for longer makes room for others: a host more is started, and the system divides the processors. */
const LONG_MS = 200;
/** Hosts at most, for each one that is meant to compute: those beyond wait for answers or compute for long. */
const HOSTS_PER_PLACE = 4;
/** After its limit or a stop, a host that has not answered for so long is killed. */
const GRACE_MS = 250;
const COMPILE_MS = 5_000;
const WATCH_MEMORY_MS = 100;
/** What a host may remember of sources before it is told to forget them. */
const KEPT_SOURCE_CHARS = 8 * 1024 * 1024;
/** A sandbox that came to take up more leaves its host with memory to be collected: a new host is cheaper. */
const LARGE_MEMORY_BYTES = 48 * 1024 * 1024;
/** Hosts in a row that ended before they were ready. */
const MAX_FALSE_STARTS = 5;
const FETCHES_PER_CALL = 20;
const FETCHES_AT_ONCE = 6;

export type SandboxCall = {
  /** Names the code: whatever has the same key has the same code. */
  key: string;
  code: string;
  /** JSON text. */
  event: string;
  run: SandboxRun;
  limits: CallLimits;
  log: (level: LogLevel, text: string) => void;
  fetch: (request: string, signal: AbortSignal) => Promise<FetchAnswer>;
  /** Ends the call; what it answers then counts no more. */
  signal: AbortSignal;
};

/** Of a call: what became of it, or that its process ended under it. */
export type SandboxOutcome = CallOutcome | { ok: false; reason: "killed"; message: string; permanent: false };

/** A host that is held for one call. `leave` gives it back, and has to be called. */
export type SandboxPlace = {
  call: (call: SandboxCall) => Promise<SandboxOutcome>;
  leave: () => void;
};

export type SandboxPool = {
  /** Waits for a host. Those of one account wait behind those of accounts that hold fewer. Rejects with the signal's reason. */
  enter: (account: string, signal: AbortSignal) => Promise<SandboxPlace>;
  compile: (source: string, language: SandboxLanguage) => Promise<CompileOutcome>;
  close: () => Promise<void>;
  /** How many hosts there are, and how many of them are held. */
  count: () => { hosts: number; held: number };
};

/**
 * Processes that run uploaded code. Each takes one call at a time, so a host that is killed takes nothing with it but the
 * call that overran. `places` is how many are meant to compute at the same time. No host is started before the first is asked for.
 */
export function createSandboxPool({ places }: { places: number }): SandboxPool {
  const maxHosts = places * HOSTS_PER_PLACE;
  const hosts = new Set<Host>();
  const queue: Waiter[] = [];
  let falseStarts = 0;
  let closed = false;
  let nextId = 0;

  return {
    enter: (account, signal) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new Error("the sandbox is closed"));
        if (signal.aborted) return reject(signal.reason);
        const waiter: Waiter = { account, resolve, reject, signal, onAbort: () => drop(waiter, signal.reason) };
        signal.addEventListener("abort", waiter.onAbort, { once: true });
        queue.push(waiter);
        serve();
      }),
    async compile(source, language) {
      const place = (await this.enter("", new AbortController().signal)) as Place;
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
    },
    count: () => ({ hosts: hosts.size, held: [...hosts].filter((host) => host.holder !== null).length }),
  };

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

  /** Of those that may have a host now, the first of the account that holds fewest. */
  function nextWaiter(): Waiter | undefined {
    const held = [...hosts].filter((host) => host.holder !== null);
    if (held.filter((host) => !host.resting && !host.long).length >= places) return undefined;
    const heldBy = (account: string) => held.filter((host) => host.holder === account).length;
    let best: { waiter: Waiter; holds: number } | undefined;
    for (const waiter of queue) {
      const holds = heldBy(waiter.account);
      // Half of them at most: another account finds one even while this one's calls never end.
      if (holds < maxHosts / 2 && (!best || holds < best.holds)) best = { waiter, holds };
    }
    return best?.waiter;
  }

  /** One is warm beyond those that are held, as far as there may be so many. */
  function startMissing(): void {
    if (closed) return;
    const held = [...hosts].filter((host) => host.holder !== null).length;
    const wanted = Math.min(maxHosts, Math.max(places, held + 1));
    while (hosts.size < wanted) hosts.add(startHost());
  }

  function startHost(): Host {
    const { promise: ended, resolve: onEnded } = Promise.withResolvers<void>();
    const host: Host = {
      process: startSandboxProcess(
        (message) => receive(host, message),
        () => {
          hosts.delete(host);
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
        const outcome = callOn(host, call);
        busy = outcome;
        return outcome;
      },
      compile: (source, language) => compileOn(host, source, language),
      leave() {
        if (left) return;
        left = true;
        // A call that was given up may still be about to stop.
        void busy.then(free);
      },
    };
  }

  /** Takes a host out of use. */
  function retire(host: Host): void {
    hosts.delete(host);
    host.process.kill();
  }

  async function callOn(host: Host, call: SandboxCall): Promise<SandboxOutcome> {
    const id = ++nextId;
    const { promise, resolve } = Promise.withResolvers<SandboxOutcome>();
    const fetches = new AbortController();
    let started = 0;
    let underWay = 0;
    const waiting: (() => void)[] = [];

    const end = (why: string) => {
      retire(host);
      resolve({ ok: false, reason: "killed", message: why, permanent: false });
    };
    const whenLong = setTimeout(() => {
      host.long = true;
      serve();
    }, LONG_MS);
    const overdue = () => end(`did not stop within ${GRACE_MS} ms after its limit of ${call.limits.timeoutMs} ms`);
    let kill = setTimeout(overdue, call.limits.timeoutMs + GRACE_MS);
    const memory = setInterval(() => {
      if (!host.process.isBloated(call.limits.memoryBytes)) return;
      retire(host);
      resolve({ ok: false, reason: "memory", message: "", permanent: false });
    }, WATCH_MEMORY_MS);
    const onAbort = () => {
      host.process.send({ type: "stop", id });
      clearTimeout(kill);
      kill = setTimeout(overdue, GRACE_MS);
    };

    const answerFetch = async (fetchId: number, request: string) => {
      const answer = await call.fetch(request, fetches.signal);
      underWay -= 1;
      host.resting = underWay > 0;
      if (!fetches.signal.aborted) host.process.send({ type: "fetched", id, fetchId, answer });
      waiting.shift()?.();
    };
    const startFetch = (fetchId: number, request: string) => {
      started += 1;
      if (started > FETCHES_PER_CALL) {
        const answer = {
          ok: false,
          message: `fetch: more than ${FETCHES_PER_CALL} in one call`,
          code: "FETCH_FAILED",
        } as const;
        return host.process.send({ type: "fetched", id, fetchId, answer });
      }
      const begin = () => {
        underWay += 1;
        if (!host.resting) {
          host.resting = true;
          serve();
        }
        void answerFetch(fetchId, request);
      };
      if (underWay < FETCHES_AT_ONCE) begin();
      else waiting.push(begin);
    };

    host.onGone = (why) => resolve({ ok: false, reason: "killed", message: why, permanent: false });
    host.onMessage = (message) => {
      if (!("id" in message) || message.id !== id) return;
      if (message.type === "log") call.log(message.level, message.text);
      else if (message.type === "fetch") startFetch(message.fetchId, message.request);
      else if (message.type === "done") {
        if (message.memoryBytes > LARGE_MEMORY_BYTES || isBroken(message.outcome)) retire(host);
        resolve(message.outcome);
      }
    };
    call.signal.addEventListener("abort", onAbort, { once: true });
    try {
      host.process.send({
        type: "call",
        id,
        key: call.key,
        event: call.event,
        run: call.run,
        limits: call.limits,
        ...codeFor(host, call),
      });
      if (call.signal.aborted) onAbort();
      return await promise;
    } finally {
      clearTimeout(whenLong);
      clearTimeout(kill);
      clearInterval(memory);
      call.signal.removeEventListener("abort", onAbort);
      fetches.abort(new Error("the call is over"));
      host.onMessage = null;
      host.onGone = null;
    }
  }

  async function compileOn(host: Host, source: string, language: SandboxLanguage): Promise<CompileOutcome> {
    const id = ++nextId;
    const { promise, resolve } = Promise.withResolvers<CompileOutcome>();
    const failed = (message: string) => resolve({ ok: false, message, line: null, column: null, spoilt: true });
    const timer = setTimeout(() => failed(`the source could not be compiled within ${COMPILE_MS} ms`), COMPILE_MS);
    host.onGone = () => failed("the source could not be compiled: the compiler broke over it");
    host.onMessage = (message) => {
      if (message.type === "compiled" && message.id === id) resolve(message.outcome);
    };
    try {
      host.process.send({ type: "compile", id, source, language });
      const outcome = await promise;
      if (!outcome.ok && outcome.spoilt) retire(host);
      return outcome;
    } finally {
      clearTimeout(timer);
      host.onMessage = null;
      host.onGone = null;
    }
  }
}

type Place = SandboxPlace & { compile: (source: string, language: SandboxLanguage) => Promise<CompileOutcome> };

type Host = {
  process: SandboxProcess;
  ended: Promise<void>;
  ready: boolean;
  /** The account whose call it runs. */
  holder: string | null;
  /** Waits for an answer, and computes nothing. */
  resting: boolean;
  long: boolean;
  /** Keys of the code that it was sent. */
  known: Set<string>;
  knownChars: number;
  onMessage: ((message: FromHost) => void) | null;
  onGone: ((why: string) => void) | null;
};

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

/** What is to be sent along so that the host has the code of a call. */
function codeFor(host: Host, { key, code }: SandboxCall): { code?: string; forget?: boolean } {
  if (host.known.has(key)) return {};
  const forget = host.knownChars + code.length > KEPT_SOURCE_CHARS;
  if (forget) {
    host.known.clear();
    host.knownChars = 0;
  }
  host.known.add(key);
  host.knownChars += code.length;
  return { code, ...(forget && { forget }) };
}

const isBroken = (outcome: CallOutcome): boolean => !outcome.ok && outcome.reason === "host";
