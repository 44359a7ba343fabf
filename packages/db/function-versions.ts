/** The versions of uploaded functions. */
import { ApiError } from "@belfry/contract/errors.ts";
import { and, desc, eq, isNull, lt, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { functionVersions } from "./tables/function-versions.ts";
import { functions } from "./tables/functions.ts";
import { inTransaction } from "./transaction.ts";

/** A source and what it was compiled to. */
export type CompiledSource = { source: string; language: "javascript" | "typescript"; code: string; check: boolean };

export type FunctionVersionRow = typeof functionVersions.$inferSelect;

export async function insertVersion(
  tx: Db,
  functionId: string,
  version: number,
  compiled: CompiledSource,
): Promise<void> {
  await tx.insert(functionVersions).values({ functionId, version, ...compiled });
}

/**
 * Writes the next version of a function, in the transaction that makes it the current one: what is to be set in the
 * function's row. The row is locked, so two that come at once get two numbers.
 */
export async function addVersion(
  tx: Db,
  functionId: string,
  compiled: CompiledSource,
): Promise<{ version: number; check: boolean }> {
  await tx.select({ id: functions.id }).from(functions).where(eq(functions.id, functionId)).for("update");
  const [last] = await tx
    .select({ version: functionVersions.version })
    .from(functionVersions)
    .where(eq(functionVersions.functionId, functionId))
    .orderBy(desc(functionVersions.version))
    .limit(1);
  const version = (last?.version ?? 0) + 1;
  await insertVersion(tx, functionId, version, compiled);
  return { version, check: compiled.check };
}

/** Newest first, those before the version `before`; without their sources. */
export function listVersions(
  db: Db,
  functionId: string,
  page: { before?: number; limit: number },
): Promise<(Omit<FunctionVersionRow, "source" | "code"> & { bytes: number })[]> {
  const { functionId: id, version, language, check, createdAt } = functionVersions;
  return db
    .select({ functionId: id, version, language, check, createdAt, bytes: sql<number>`octet_length(source)` })
    .from(functionVersions)
    .where(and(eq(id, functionId), page.before === undefined ? undefined : lt(version, page.before)))
    .orderBy(desc(version))
    .limit(page.limit);
}

export async function getVersion(db: Db, functionId: string, version: number): Promise<FunctionVersionRow | null> {
  const [row] = await db
    .select()
    .from(functionVersions)
    .where(and(eq(functionVersions.functionId, functionId), eq(functionVersions.version, version)));
  return row ?? null;
}

/** The code of a version; it never changes. */
export async function getCode(db: Db, functionId: string, version: number): Promise<string | null> {
  const [row] = await db
    .select({ code: functionVersions.code })
    .from(functionVersions)
    .where(and(eq(functionVersions.functionId, functionId), eq(functionVersions.version, version)));
  return row?.code ?? null;
}

/**
 * Makes a version of an uploaded function of the account the current one. False if there is no such function.
 * Throws ApiError VALIDATION_ERROR for a version that it does not have.
 */
export async function makeCurrent(db: Db, accountId: string, functionId: string, version: number): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const mine = and(eq(functions.id, functionId), eq(functions.accountId, accountId), isNull(functions.deletedAt));
    const [row] = await tx.select({ id: functions.id }).from(functions).where(mine).for("update");
    if (!row) return false;
    const wanted = await getVersion(tx, functionId, version);
    if (!wanted) {
      const message = `the function has no version ${version}`;
      throw new ApiError("VALIDATION_ERROR", message, [{ path: "version", message, code: "invalid" }]);
    }
    await tx
      .update(functions)
      .set({ version, check: wanted.check, updatedAt: sql`now()` })
      .where(eq(functions.id, functionId));
    return true;
  });
}
