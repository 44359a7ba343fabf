/** What a worker and its sandbox hosts say to each other, as JSON over the channel between the two processes. */

/** Kept beside the execution: what a handler's context is made of. */
export type SandboxRun = { executionId: string; attempt: number; jobId: string; scheduledFor: string; trigger: string };

export type ToHost =
  | {
      type: "call";
      id: number;
      /** Names the code; the host keeps what it was sent under it. */
      key: string;
      /** Left out if this host has it already. */
      code?: string;
      /** Forget all code that was sent before. */
      forget?: boolean;
      /** JSON text. */
      event: string;
      run: SandboxRun;
      limits: CallLimits;
    }
  | { type: "compile"; id: number; source: string; language: SandboxLanguage }
  | { type: "fetched"; id: number; fetchId: number; answer: FetchAnswer }
  /** The call shall end: nobody waits for it any more. */
  | { type: "stop"; id: number };

export type FromHost =
  | { type: "ready" }
  | { type: "log"; id: number; level: LogLevel; text: string }
  /** `request` is what the function gave to `fetch`, as JSON text. */
  | { type: "fetch"; id: number; fetchId: number; request: string }
  /** `memoryBytes`: what the sandbox has come to take up. */
  | { type: "done"; id: number; outcome: CallOutcome; memoryBytes: number }
  | { type: "compiled"; id: number; outcome: CompileOutcome };

export type SandboxLanguage = "javascript" | "typescript";
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type CallLimits = {
  /** From the call's arrival on, in milliseconds. */
  timeoutMs: number;
  /** Of computing, in milliseconds; waiting for an answer does not count. */
  cpuMs: number;
  memoryBytes: number;
};

/** How a call ended. `answer` is JSON text. */
export type CallOutcome = { ok: true; answer: string } | ({ ok: false } & CallFailure);

export type CallFailure = {
  /**
   * `thrown` by the function; `answer`: it is none that can be recorded; `memory`, `stack`, `time`, `cpu`: a limit was
   * reached; `stuck`: what the handler waits for can never come; `host`: the host itself is at fault.
   */
  reason: "thrown" | "answer" | "memory" | "stack" | "time" | "cpu" | "stuck" | "host";
  message: string;
  /** Whether the function said that another attempt would not help. */
  permanent: boolean;
};

/** `check`: whether the source has a check phase. */
export type CompileOutcome =
  | { ok: true; code: string; check: boolean }
  | {
      ok: false;
      message: string;
      /** Both from 1; null where the place is not known. */
      line: number | null;
      column: number | null;
      /** The compiler may be broken by this source: the host is to be replaced. */
      spoilt: boolean;
    };

export type FetchAnswer =
  | {
      ok: true;
      status: number;
      statusText: string;
      url: string;
      headers: [name: string, value: string][];
      body: string;
    }
  | { ok: false; message: string; code: string };
