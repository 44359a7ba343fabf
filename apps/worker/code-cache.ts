import { setTimeout as sleep } from "node:timers/promises";
import type { Db } from "@belfry/db/client.ts";
import { getCode } from "@belfry/db/function-versions.ts";
import { isTransient } from "@belfry/db/pg-error.ts";

/** Characters of code that a worker keeps; what was not used for longest goes first. */
const MAX_CHARS = 64 * 1024 * 1024;
const RETRY_EVERY_MS = 250;

/** The code of uploaded functions. A version never changes, so what was read once is read for good. */
export type CodeCache = {
  /** Waits while Postgres is away, until the signal says that it is enough. */
  load: (functionId: string, version: number, signal: AbortSignal) => Promise<string>;
};

export function createCodeCache(db: Db, maxChars = MAX_CHARS): CodeCache {
  const kept = new Map<string, string>();
  let chars = 0;

  function keep(key: string, code: string): void {
    // What was just used comes last.
    if (!kept.delete(key)) chars += code.length;
    kept.set(key, code);
    for (const [oldest, { length }] of kept) {
      if (chars <= maxChars || oldest === key) return;
      kept.delete(oldest);
      chars -= length;
    }
  }

  return {
    async load(functionId, version, signal) {
      const key = `${functionId}:${version}`;
      const code = kept.get(key) ?? (await read(db, functionId, version, signal));
      if (code === null) throw new Error(`version ${version} of the function is not there any more`);
      keep(key, code);
      return code;
    },
  };
}

async function read(db: Db, functionId: string, version: number, signal: AbortSignal): Promise<string | null> {
  for (;;) {
    try {
      return await getCode(db, functionId, version);
    } catch (error) {
      if (!isTransient(error)) throw error;
      await sleep(RETRY_EVERY_MS, undefined, { signal });
    }
  }
}
