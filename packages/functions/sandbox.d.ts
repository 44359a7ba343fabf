/**
 * What an uploaded function (kind `sandbox`) can use besides the language itself (ES2023). There is nothing else: no timers,
 * no files, no environment, no `process`, no `Intl`, no `URL`, and no module but `@belfry/functions`.
 */

declare module "@belfry/functions" {
  /** What JSON can carry. */
  export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
  export type JsonObject = { [key: string]: Json };

  /** The one reserved key under which each call is told what it belongs to. */
  export type BelfryKey = {
    execution_id: string;
    /** 1 for the first try. */
    attempt: number;
    /** ISO 8601, UTC. */
    scheduled_for: string;
    trigger: "schedule" | "manual";
    /** The job's own payload. */
    payload: Json;
  };

  export type CheckEvent = { automation_job: string; phase: "check"; belfry: BelfryKey };

  /** `Extra` is the performPayload, whose keys lie beside ours; where they have the same name, ours win. */
  export type PerformEvent<Extra extends object = JsonObject> = Omit<Extra, keyof CheckEvent> & {
    automation_job: string;
    phase: "perform";
    belfry: BelfryKey;
  };

  /** What `handler` is called with. Ask for `phase` to know which of the two it is. */
  export type PhaseEvent = CheckEvent | PerformEvent;

  /** What a check answers: whether to act, and what its perform shall be given. */
  export type CheckAnswer<Extra extends object = JsonObject> = {
    shouldPerform: boolean;
    performPayload?: Extra | null | undefined;
  };

  export type Logger = Record<"debug" | "info" | "warn" | "error", (...args: unknown[]) => void>;

  /** The second thing that every handler is given. */
  export type FunctionContext = {
    /** The same as `console`. */
    logger: Logger;
    executionId: string;
    /** 1 for the first try. */
    attempt: number;
    jobId: string;
    scheduledFor: Date;
    trigger: "schedule" | "manual";
    /** The job's own payload. */
    payload: Json;
  };

  export type FunctionDefinition<Extra extends object = JsonObject> = {
    name?: string;
    description?: string;
    /** Without a check, every occurrence is performed. */
    check?: (event: CheckEvent, context: FunctionContext) => CheckAnswer<Extra> | Promise<CheckAnswer<Extra>>;
    /** Answers anything that JSON can carry; nothing at all is recorded as null. */
    perform: (event: PerformEvent<Extra>, context: FunctionContext) => unknown;
  };

  export type DefinedFunction = { readonly check: unknown; readonly perform: unknown };

  /** Makes the function; a source's default export. What `check` answers as `performPayload` types the event of `perform`. */
  export function defineFunction<Extra extends object = JsonObject>(
    definition: FunctionDefinition<Extra>,
  ): DefinedFunction;

  /** Thrown when another attempt could not end otherwise: the execution fails at once. */
  export class PermanentError extends Error {
    constructor(message: string, options?: { cause?: unknown });
  }
}

/** What is printed is kept with the phase, as its `logs`. */
declare const console: Readonly<
  Record<"log" | "trace" | "debug" | "info" | "warn" | "error", (...args: unknown[]) => void>
>;

/**
 * Asks a host that the function lists. Rejects with a TypeError whose `code` is `TARGET_BLOCKED` for any other host, and
 * `FETCH_FAILED` if no answer came. At most 20 in one call, 6 of them at a time, 1 MiB each way, 3 redirects.
 */
declare function fetch(
  url: string,
  init?: {
    method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";
    headers?: Record<string, string> | [name: string, value: string][];
    body?: string | null;
    /** `follow` unless told otherwise. */
    redirect?: "follow" | "manual";
  },
): Promise<SandboxResponse>;

interface SandboxResponse {
  readonly status: number;
  readonly statusText: string;
  /** Whether the status is 200 to 299. */
  readonly ok: boolean;
  /** Where the answer came from in the end. */
  readonly url: string;
  readonly headers: {
    get(name: string): string | null;
    has(name: string): boolean;
    entries(): IterableIterator<[name: string, value: string]>;
    [Symbol.iterator](): IterableIterator<[name: string, value: string]>;
  };
  text(): Promise<string>;
  // biome-ignore lint/suspicious/noExplicitAny: what a server answers has the type that its reader gives it.
  json(): Promise<any>;
}

declare const crypto: { readonly randomUUID: () => string };

/** UTF-8. */
declare class TextEncoder {
  encode(text?: string): Uint8Array;
}

/** UTF-8; what is none becomes U+FFFD. */
declare class TextDecoder {
  decode(bytes?: Uint8Array): string;
}

/** Base64 of a text whose characters are bytes. */
declare function btoa(bytes: string): string;
declare function atob(base64: string): string;
