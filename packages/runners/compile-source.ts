import { stripTypeScriptTypes } from "node:module";
import type { CompileOutcome, SandboxLanguage } from "./sandbox-messages.ts";
import { inspectSource, SandboxProblem } from "./sandbox-vm.ts";

/** The top level of a source does no work; what takes longer than this hangs. */
const LIMITS = { timeoutMs: 2_000, cpuMs: 1_000, memoryBytes: 32 * 1024 * 1024 };

const BROKEN = "the source cannot be compiled: it is nested too deeply, or breaks the compiler in another way";

/**
 * Makes of a source what a sandbox can run, and finds out what it offers. Only to be called in a sandbox host: Node's
 * TypeScript stripper overflows on what is nested deeply, and is broken from then on.
 */
export async function compileSource(source: string, language: SandboxLanguage): Promise<CompileOutcome> {
  try {
    const code = language === "typescript" ? stripTypes(source) : source;
    return { ok: true, code, ...(await inspectSource(code, LIMITS)) };
  } catch (thrown) {
    const place = thrown instanceof SandboxProblem ? thrown.place : null;
    // Of anything else the words are about Node and this machine, and not about the source.
    const message = thrown instanceof SandboxProblem ? thrown.message : BROKEN;
    return {
      ok: false,
      message,
      line: place?.line ?? null,
      column: place?.column ?? null,
      spoilt: !(thrown instanceof SandboxProblem),
    };
  }
}

/** Replaces types by spaces, so that every place in the code is a place in the source. */
function stripTypes(source: string): string {
  try {
    return stripTypeScriptTypes(source);
  } catch (thrown) {
    const { code, message, stack = "" } = thrown as Error & { code?: string };
    if (code !== "ERR_INVALID_TYPESCRIPT_SYNTAX" && code !== "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") throw thrown;
    throw new SandboxProblem(message, placeIn(stack));
  }
}

/** Node tells the place in a picture: `:2`, the line with some before it, and a row of carets below. */
function placeIn(stack: string): { line: number; column: number } | null {
  const [, line, carets] = /^\S*:(\d+)\n(?:.*\n)*?( *)\^/.exec(stack) ?? [];
  return line === undefined || carets === undefined ? null : { line: Number(line), column: carets.length + 1 };
}
