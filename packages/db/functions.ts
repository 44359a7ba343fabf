/** Functions: what clients register over the API, and the modules that workers bring along. */
import { ApiError, invalidField } from "@belfry/contract/errors.ts";
import type { CreateFunctionBody, PatchFunctionBody } from "@belfry/contract/function.ts";
import { and, desc, eq, isNull, lt, or, type SQL, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { nameTaken } from "./name-taken.ts";
import { newId } from "./new-id.ts";
import { array } from "./sql-values.ts";
import { functions } from "./tables/functions.ts";
import { jobs } from "./tables/jobs.ts";
import { inTransaction } from "./transaction.ts";

export type FunctionRow = typeof functions.$inferSelect;

/** What an account may use: its own and the modules shared by all. */
const visibleTo = (accountId: string): SQL =>
  and(isNull(functions.deletedAt), or(eq(functions.accountId, accountId), isNull(functions.accountId))) as SQL;

/** Throws ApiError: FUNCTION_NAME_TAKEN, VALIDATION_ERROR for a module that no worker has brought along. */
export async function createFunction(db: Db, accountId: string, body: CreateFunctionBody): Promise<FunctionRow> {
  const target =
    body.kind === "http"
      ? { url: body.url, headers: body.headers, check: body.check }
      : await moduleTarget(db, body.module ?? body.name);
  try {
    const [row] = await db
      .insert(functions)
      .values({
        id: newId(),
        accountId,
        name: body.name,
        description: body.description,
        kind: body.kind,
        timeoutMs: body.timeout_ms,
        ...target,
      })
      .returning();
    return row as FunctionRow;
  } catch (error) {
    throw nameTaken(error, "functions_name", body.name);
  }
}

export async function getFunction(db: Db, accountId: string, functionId: string): Promise<FunctionRow | null> {
  const [row] = await db
    .select()
    .from(functions)
    .where(and(eq(functions.id, functionId), visibleTo(accountId)));
  return row ?? null;
}

/** Newest first, those before the id `before`. */
export function listFunctions(
  db: Db,
  accountId: string,
  page: { before?: string; limit: number },
): Promise<FunctionRow[]> {
  return db
    .select()
    .from(functions)
    .where(and(visibleTo(accountId), page.before === undefined ? undefined : lt(functions.id, page.before)))
    .orderBy(desc(functions.id))
    .limit(page.limit);
}

/**
 * Changes a function of the account; running attempts keep what they began with. Null if there is none.
 * Throws ApiError: FORBIDDEN for a shared module, VALIDATION_ERROR for a field of the other kind, FUNCTION_NAME_TAKEN.
 */
export async function patchFunction(
  db: Db,
  accountId: string,
  functionId: string,
  patch: PatchFunctionBody,
): Promise<FunctionRow | null> {
  const current = await getFunction(db, accountId, functionId);
  if (!current) return null;
  assertOwn(current);
  const foreign = current.kind === "http" ? (["module"] as const) : (["url", "headers", "check"] as const);
  for (const field of foreign) {
    if (patch[field] !== undefined)
      throw invalidField(field, `${field} does not belong to a function of kind ${current.kind}`);
  }
  const target = patch.module === undefined ? {} : await moduleTarget(db, patch.module);
  try {
    const [row] = await db
      .update(functions)
      .set({
        ...(patch.name !== undefined && { name: patch.name }),
        ...(patch.description !== undefined && { description: patch.description }),
        ...(patch.timeout_ms !== undefined && { timeoutMs: patch.timeout_ms }),
        ...(patch.url !== undefined && { url: patch.url }),
        ...(patch.headers !== undefined && { headers: patch.headers }),
        ...(patch.check !== undefined && { check: patch.check }),
        ...target,
        updatedAt: sql`now()`,
      })
      .where(and(eq(functions.id, functionId), eq(functions.accountId, accountId), isNull(functions.deletedAt)))
      .returning();
    return row ?? null;
  } catch (error) {
    throw nameTaken(error, "functions_name", patch.name ?? "");
  }
}

/**
 * Removes a function of the account from use. Null if there is none.
 * Throws ApiError: FORBIDDEN for a shared module, FUNCTION_IN_USE while a job that is not deleted calls it.
 */
export async function deleteFunction(db: Db, accountId: string, functionId: string): Promise<FunctionRow | null> {
  return inTransaction(db, async (tx) => {
    const [current] = await tx
      .select()
      .from(functions)
      .where(and(eq(functions.id, functionId), visibleTo(accountId)))
      .for("update");
    if (!current) return null;
    assertOwn(current);
    const [user] = await tx
      .select({ name: jobs.name })
      .from(jobs)
      .where(and(eq(jobs.functionId, functionId), isNull(jobs.deletedAt)))
      .limit(1);
    if (user) throw new ApiError("FUNCTION_IN_USE", `function is used by job "${user.name}"`);
    const [row] = await tx
      .update(functions)
      .set({ deletedAt: sql`now()` })
      .where(eq(functions.id, functionId))
      .returning();
    return row ?? null;
  });
}

/** Throws ApiError VALIDATION_ERROR unless the account may use the function. Keeps it from being deleted until the transaction ends. */
export async function assertFunctionUsable(tx: Db, accountId: string, functionId: string): Promise<void> {
  const usable = await usableFunctions(tx, accountId, new Set([functionId]));
  if (!usable.has(functionId)) throw unknownFunction(functionId);
}

/** Those of the ids that the account may use, in the spelling that was asked for. Keeps them from being deleted until the transaction ends. */
export async function usableFunctions(
  tx: Db,
  accountId: string,
  functionIds: ReadonlySet<string>,
): Promise<Set<string>> {
  const uuids = [...functionIds].filter((id) => UUID.test(id));
  if (uuids.length === 0) return new Set();
  const rows = await tx
    .select({ id: functions.id })
    .from(functions)
    .where(and(sql`${functions.id} = any(${array(uuids, "uuid")})`, visibleTo(accountId)))
    .for("share");
  const found = new Set(rows.map(({ id }) => id));
  return new Set(uuids.filter((id) => found.has(id.toLowerCase())));
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const unknownFunction = (functionId: string): ApiError =>
  invalidField("function_id", `function "${functionId.slice(0, 100)}" does not exist`);

/** Makes the modules that a worker has loaded known to all accounts, under the ids that they had before. */
export async function registerModules(
  db: Db,
  modules: readonly { name: string; description: string; check: boolean; timeoutMs: number | null }[],
): Promise<void> {
  if (modules.length === 0) return;
  // In one order everywhere, so that two workers that start at the same time do not wait for each other.
  const sorted = modules.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  await db
    .insert(functions)
    .values(sorted.map((m) => ({ ...m, id: newId(), accountId: null, kind: "module" as const, module: m.name })))
    .onConflictDoUpdate({
      target: functions.name,
      targetWhere: sql`account_id is null`,
      set: {
        description: sql`excluded.description`,
        check: sql`excluded.has_check`,
        timeoutMs: sql`excluded.timeout_ms`,
        updatedAt: sql`now()`,
      },
    });
}

async function moduleTarget(db: Db, module: string): Promise<{ module: string; check: boolean }> {
  const [row] = await db
    .select({ check: functions.check })
    .from(functions)
    .where(and(eq(functions.name, module), isNull(functions.accountId)));
  if (!row) throw invalidField("module", `no worker has brought along a module "${module}"`);
  return { module, check: row.check };
}

function assertOwn(row: FunctionRow): void {
  if (row.accountId === null)
    throw new ApiError("FORBIDDEN", "this module is shared by all accounts and cannot be changed");
}
