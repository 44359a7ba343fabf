import { ApiError } from "@belfry/contract/errors.ts";
import type { CompiledSource } from "@belfry/db/function-versions.ts";
import { createSandboxPool } from "@belfry/runners/sandbox-pool.ts";

/** At a time: one account's hostile source does not stop another account's. */
const PLACES = 2;
/** Of one account, with the one that is compiled. A source that hangs takes 2 s to refuse. */
const MAX_PER_ACCOUNT = 10;
const MAX_WAIT_MS = 15_000;

export type SourceCompiler = {
  /**
   * Compiles one source of an account at a time; accounts take turns. The signal ends the waiting with its reason.
   * @throws ApiError SOURCE_INVALID, with the line and the column where they are known; TOO_MANY_UPLOADS if too many of
   * the account are waiting; COMPILER_BUSY if its turn did not come in time.
   */
  compile: (
    account: string,
    source: string,
    language: CompiledSource["language"],
    signal: AbortSignal,
  ) => Promise<CompiledSource>;
  close: () => Promise<void>;
};

/**
 * Compiles uploaded sources in processes that have no rights and may break: no parser is safe from what is made to break
 * it. They are started with the first source. A source waits for its turn for at most `maxWaitMs`.
 */
export function createSourceCompiler({ maxWaitMs = MAX_WAIT_MS } = {}): SourceCompiler {
  const pool = createSandboxPool({ places: PLACES, perAccount: 1 });
  const underWay = new Map<string, number>();

  /** Counts what the account has under way while `run` runs. */
  async function counted<T>(account: string, run: () => Promise<T>): Promise<T> {
    const count = underWay.get(account) ?? 0;
    if (count >= MAX_PER_ACCOUNT) {
      throw new ApiError("TOO_MANY_UPLOADS", `${count} sources of this account are being compiled, try again later`);
    }
    underWay.set(account, count + 1);
    try {
      return await run();
    } finally {
      const left = (underWay.get(account) ?? 1) - 1;
      if (left > 0) underWay.set(account, left);
      else underWay.delete(account);
    }
  }

  return {
    async compile(account, source, language, signal) {
      const busy = new ApiError(
        "COMPILER_BUSY",
        `the source was not compiled: its turn did not come in ${maxWaitMs} ms`,
      );
      const waiting = new AbortController();
      const timer = setTimeout(() => waiting.abort(busy), maxWaitMs);
      const either = AbortSignal.any([signal, waiting.signal]);
      const outcome = await counted(account, () => pool.compile(account, source, language, either)).finally(() =>
        clearTimeout(timer),
      );
      if (outcome.ok) return { source, language, code: outcome.code, check: outcome.check };
      const { line, column } = outcome;
      const at = line === null ? "" : ` (line ${line}, column ${column})`;
      const detail = { path: "source", message: outcome.message, code: "source_invalid" };
      const place = line === null || column === null ? {} : { line, column };
      throw new ApiError("SOURCE_INVALID", `source: ${outcome.message}${at}`, [{ ...detail, ...place }]);
    },
    close: pool.close,
  };
}
