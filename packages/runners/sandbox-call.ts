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
import type { SandboxProcess } from "./sandbox-process.ts";

/** A call that computes for longer makes room for others: the system divides the processors between it and them. */
const LONG_MS = 200;
/** After its limit or a stop, a host that has not answered for so long is killed. */
const GRACE_MS = 250;
const COMPILE_MS = 5_000;
const WATCH_MEMORY_MS = 100;
/** What a host may remember of sources before it is told to forget them. */
const KEPT_CODE_CHARS = 8 * 1024 * 1024;
/** A sandbox that came to take up more leaves its host with memory to be collected: a new host is cheaper. */
const LARGE_MEMORY_BYTES = 48 * 1024 * 1024;
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
  /** Never rejects. */
  fetch: (request: string, signal: AbortSignal) => Promise<FetchAnswer>;
  /** Ends the call; what it answers then counts no more. */
  signal: AbortSignal;
};

/** What became of a call; `killed`: its process ended under it. */
export type SandboxOutcome = CallOutcome | { ok: false; reason: "killed"; message: string; permanent: false };

/** A host as the call that it has sees it. */
export type CalledHost = {
  process: SandboxProcess;
  /** Waits for an answer, and computes nothing. */
  resting: boolean;
  long: boolean;
  /** Keys of the code that it was sent. */
  known: Set<string>;
  knownChars: number;
  onMessage: ((message: FromHost) => void) | null;
  onGone: ((why: string) => void) | null;
};

export type CallHooks = {
  /** Takes the host out of use and ends it. */
  retire: () => void;
  /** The host computes less, so that another one may compute. */
  roomChanged: () => void;
};

let lastId = 0;

/** Runs one call on a host that has no other. The host is retired if it did not keep to the limits. */
export async function callOn(host: CalledHost, call: SandboxCall, hooks: CallHooks): Promise<SandboxOutcome> {
  const id = ++lastId;
  const { promise, resolve } = Promise.withResolvers<SandboxOutcome>();
  const { timeoutMs, memoryBytes } = call.limits;
  const fetches = startFetches(host, id, call, hooks);
  const killed = (message: string) => resolve({ ok: false, reason: "killed", message, permanent: false });
  const overdue = () => {
    hooks.retire();
    killed(`did not stop within ${GRACE_MS} ms after its limit of ${timeoutMs} ms`);
  };
  const onAbort = () => {
    host.process.send({ type: "stop", id });
    clearTimeout(kill);
    kill = setTimeout(overdue, GRACE_MS);
  };
  let kill = setTimeout(overdue, timeoutMs + GRACE_MS);
  const whenLong = setTimeout(() => {
    host.long = true;
    hooks.roomChanged();
  }, LONG_MS);
  const memory = setInterval(() => {
    if (!host.process.isBloated(memoryBytes)) return;
    hooks.retire();
    resolve({ ok: false, reason: "memory", message: "", permanent: false });
  }, WATCH_MEMORY_MS);

  host.onGone = killed;
  host.onMessage = (message) => {
    if (!("id" in message) || message.id !== id) return;
    if (message.type === "log") call.log(message.level, message.text);
    else if (message.type === "fetch") fetches.start(message.fetchId, message.request);
    else if (message.type === "done") {
      if (message.memoryBytes > LARGE_MEMORY_BYTES || isBroken(message.outcome)) hooks.retire();
      resolve(message.outcome);
    }
  };
  call.signal.addEventListener("abort", onAbort, { once: true });
  try {
    const { key, event, run, limits } = call;
    host.process.send({ type: "call", id, key, event, run, limits, ...codeFor(host, call) });
    if (call.signal.aborted) onAbort();
    return await promise;
  } finally {
    clearTimeout(whenLong);
    clearTimeout(kill);
    clearInterval(memory);
    call.signal.removeEventListener("abort", onAbort);
    fetches.end();
    host.onMessage = null;
    host.onGone = null;
  }
}

/** Compiles a source on a host that has nothing else to do. A host that it may have broken is retired. */
export async function compileOn(
  host: CalledHost,
  source: string,
  language: SandboxLanguage,
  hooks: CallHooks,
): Promise<CompileOutcome> {
  const id = ++lastId;
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
    if (!outcome.ok && outcome.spoilt) hooks.retire();
    return outcome;
  } finally {
    clearTimeout(timer);
    host.onMessage = null;
    host.onGone = null;
  }
}

/** The fetches of one call: so many in all, so many at a time, and none when it is over. */
function startFetches(host: CalledHost, id: number, call: SandboxCall, hooks: CallHooks) {
  const over = new AbortController();
  const waiting: (() => void)[] = [];
  let started = 0;
  let underWay = 0;

  async function answer(fetchId: number, request: string): Promise<void> {
    const answer = await call.fetch(request, over.signal);
    underWay -= 1;
    if (over.signal.aborted) return;
    host.resting = underWay > 0;
    host.process.send({ type: "fetched", id, fetchId, answer });
    waiting.shift()?.();
  }

  return {
    start(fetchId: number, request: string): void {
      started += 1;
      if (started > FETCHES_PER_CALL) {
        host.process.send({ type: "fetched", id, fetchId, answer: TOO_MANY });
        return;
      }
      const begin = () => {
        underWay += 1;
        void answer(fetchId, request);
        if (host.resting) return;
        host.resting = true;
        hooks.roomChanged();
      };
      if (underWay < FETCHES_AT_ONCE) begin();
      else waiting.push(begin);
    },
    end: () => over.abort(new Error("the call is over")),
  };
}

const TOO_MANY: FetchAnswer = {
  ok: false,
  message: `fetch: more than ${FETCHES_PER_CALL} in one call`,
  code: "FETCH_FAILED",
};

/** What is to be sent along so that the host has the code of a call. */
function codeFor(host: CalledHost, { key, code }: SandboxCall): { code?: string; forget?: boolean } {
  if (host.known.has(key)) return {};
  const forget = host.knownChars + code.length > KEPT_CODE_CHARS;
  if (forget) {
    host.known.clear();
    host.knownChars = 0;
  }
  host.known.add(key);
  host.knownChars += code.length;
  return { code, ...(forget && { forget }) };
}

const isBroken = (outcome: CallOutcome): boolean => !outcome.ok && outcome.reason === "host";
