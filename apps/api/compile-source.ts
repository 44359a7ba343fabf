import { ApiError } from "@belfry/contract/errors.ts";
import type { CompiledSource } from "@belfry/db/function-versions.ts";
import { createSandboxPool } from "@belfry/runners/sandbox-pool.ts";

export type SourceCompiler = {
  /** Throws ApiError SOURCE_INVALID, with the line and the column where they are known. */
  compile: (account: string, source: string, language: CompiledSource["language"]) => Promise<CompiledSource>;
  close: () => Promise<void>;
};

/**
 * Compiles uploaded sources in a process that has no rights and may break: no parser is safe from what is made to break
 * it. The process is started with the first source.
 */
export function createSourceCompiler(): SourceCompiler {
  const pool = createSandboxPool({ places: 1 });
  return {
    async compile(account, source, language) {
      const outcome = await pool.compile(account, source, language);
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
