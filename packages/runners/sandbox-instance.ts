import { randomFillSync, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import wasmFile from "@jitl/quickjs-wasmfile-release-sync";
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSRuntime,
  type QuickJSSyncVariant,
} from "quickjs-emscripten-core";
import { LOG_LEVELS, type LogLevel } from "./sandbox-messages.ts";
import { BUILT_IN_MODULE, prelude } from "./sandbox-prelude.ts";

/** More, and deep recursion overflows the stack of the process before QuickJS notices. */
const STACK_BYTES = 256 * 1024;
/** Of a text that comes out of the sandbox. */
const MAX_TEXT = 3 * 1024 * 1024;

/** Node has it; the types of Node know its types only. */
declare const WebAssembly: { Module: new (bytes: Uint8Array) => WebAssembly.Module };

const wasmModule = new WebAssembly.Module(
  readFileSync(fileURLToPath(import.meta.resolve("@jitl/quickjs-wasmfile-release-sync/wasm"))),
);
const variant = newVariant(wasmFile as unknown as QuickJSSyncVariant, { wasmModule });
const PRELUDE = `(${prelude.toString()})`;

/** What a sandbox can reach: texts and numbers go through, and nothing else. */
export type Outside = {
  log: (level: LogLevel, text: string) => void;
  fetch: (fetchId: number, request: string) => void;
  answered: (answer: string) => void;
  failed: (failure: string) => void;
  /** Asked again and again while something computes inside; true ends it. */
  interrupts: () => boolean;
};

/** What can be called in a sandbox. Throws what is thrown inside as quickjs-emscripten wraps it. */
export type Inside = {
  call: (namespace: QuickJSHandle, event: string, run: string) => void;
  settleFetch: (fetchId: number, answer: string) => void;
  describe: (namespace: QuickJSHandle) => string;
};

export type SandboxInstance = {
  context: QuickJSContext;
  runtime: QuickJSRuntime;
  inside: Inside;
  /** Makes it ready for one call. */
  begin: (outside: Outside, memoryBytes: number) => void;
  /** Undoes whatever a call has left in its memory, bit by bit; false if it has grown, and is to be dropped. */
  restore: () => boolean;
  /** All of its memory. */
  bytes: () => Uint8Array;
  /** How far into its memory the call has written at any time, freed since or not. */
  peakBytes: () => number;
};

/**
 * A WebAssembly instance of QuickJS in which the prelude has run. All that a call can change is in its memory, so with the
 * memory as it was at first the next call finds nothing of the last one. That is faster than a new instance, and thorough.
 */
export async function openInstance(): Promise<SandboxInstance> {
  const module = await newQuickJSWASMModuleFromVariant(variant);
  const runtime = module.newRuntime();
  let outside: Outside | null = null;
  runtime.setMaxStackSize(STACK_BYTES);
  runtime.setInterruptHandler(() => outside?.interrupts() ?? false);
  runtime.setModuleLoader(
    (name) => (name === "@belfry/functions" ? BUILT_IN_MODULE : { error: new Error(cannotImport(name)) }),
    (_from, name) => name,
  );
  const context = runtime.newContext();
  const inside = openPrelude(context, () => outside as Outside);
  const memory = module.getWasmMemory();
  const whole = new Uint8Array(memory.buffer);
  const used = whole.slice(0, usedLength(whole));
  const size = memory.buffer.byteLength;

  return {
    context,
    runtime,
    inside: inside.handlers,
    begin(next, memoryBytes) {
      outside = next;
      runtime.setMemoryLimit(memoryBytes);
      inside.seed();
    },
    restore() {
      outside = null;
      if (memory.buffer.byteLength !== size) return false;
      whole.set(used);
      whole.fill(0, used.length);
      return true;
    },
    bytes: () => new Uint8Array(memory.buffer),
    peakBytes: () => usedLength(new Uint8Array(memory.buffer)) - used.length,
  };
}

/** How many bytes there are before nothing but zeros: whether a tail is zero is asked of whole tails, which is fast. */
function usedLength(bytes: Uint8Array): number {
  const zeros = new Uint8Array(bytes.length);
  let [low, high] = [0, bytes.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const isZero = Buffer.compare(bytes.subarray(middle), zeros.subarray(middle)) === 0;
    if (isZero) high = middle;
    else low = middle + 1;
  }
  return low;
}

const cannotImport = (name: string): string =>
  `cannot import ${JSON.stringify(name)}: a sandbox has the module "@belfry/functions" and no other`;

/** Evaluates the prelude and ties its two halves together. */
function openPrelude(context: QuickJSContext, outside: () => Outside): { handlers: Inside; seed: () => void } {
  const text = (handle: QuickJSHandle | undefined): string => {
    if (!handle || context.typeof(handle) !== "string") return "";
    return context.getNumber(context.getProp(handle, "length")) > MAX_TEXT ? "" : context.getString(handle);
  };
  const number = (handle: QuickJSHandle | undefined): number => (handle ? context.getNumber(handle) : Number.NaN);
  const host = context.newObject();
  type Given = (a: QuickJSHandle | undefined, b: QuickJSHandle | undefined) => QuickJSHandle | undefined;
  const give = (name: string, fn: Given) =>
    context.setProp(
      host,
      name,
      context.newFunction(name, (a, b) => fn(a, b)),
    );
  give("log", (level, line) => {
    const known = LOG_LEVELS.find((one) => one === text(level));
    if (known) outside().log(known, text(line));
    return undefined;
  });
  give("fetch", (id, request) => {
    outside().fetch(number(id), text(request));
    return undefined;
  });
  give("uuid", () => context.newString(randomUUID()));
  give("answered", (answer) => {
    outside().answered(text(answer));
    return undefined;
  });
  give("failed", (failure) => {
    outside().failed(text(failure));
    return undefined;
  });

  const open = context.unwrapResult(context.evalCode(PRELUDE, "belfry"));
  const made = context.unwrapResult(context.callFunction(open, context.undefined, host));
  // Looked up here and now: nothing of it can be changed from inside.
  const reach = (name: string) => {
    const handle = context.getProp(made, name);
    return (...args: QuickJSHandle[]) => context.unwrapResult(context.callFunction(handle, context.undefined, ...args));
  };
  const [call, settleFetch, describe, seed] = [reach("call"), reach("settleFetch"), reach("describe"), reach("seed")];
  return {
    handlers: {
      call: (namespace, event, run) => void call(namespace, context.newString(event), context.newString(run)),
      settleFetch: (id, answer) => void settleFetch(context.newNumber(id), context.newString(answer)),
      describe: (namespace) => context.getString(describe(namespace)),
    },
    seed: () => void seed(...[...randomFillSync(new Int32Array(4))].map((word) => context.newNumber(word))),
  };
}
