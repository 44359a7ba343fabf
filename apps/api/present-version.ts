import type { FunctionVersionRow } from "@belfry/db/function-versions.ts";
import type { FunctionRow } from "@belfry/db/functions.ts";
import type { FunctionVersionAnswer } from "./answers.ts";

/** A version of an uploaded function as the API answers it. */
export function presentVersion(
  row: Omit<FunctionVersionRow, "source" | "code"> & { bytes: number },
  fn: Pick<FunctionRow, "version">,
): FunctionVersionAnswer {
  return {
    version: row.version,
    language: row.language,
    check: row.check,
    current: row.version === fn.version,
    bytes: row.bytes,
    created_at: row.createdAt.toISOString(),
  };
}
