/** Functions: what clients register over the API, and the modules that workers bring along. */
import { ApiError, invalidField } from "@belfry/contract/errors.ts";
import type { CreateFunctionBody, PatchFunctionBody } from "@belfry/contract/function.ts";
import type { JsonObject } from "@belfry/contract/json.ts";
import type { FunctionKind } from "@belfry/contract/states.ts";
import { and, desc, eq, isNull, lt, or, type SQL, sql } from "drizzle-orm";
import { CLOSED_BREAKER } from "./breaker.ts";
import type { Db } from "./client.ts";
import { addSecret } from "./function-secrets.ts";
import { addVersion, type CompiledSource, insertVersion } from "./function-versions.ts";
import { changeLimits, limitsIn, openGate } from "./limits.ts";
import { nameTaken } from "./name-taken.ts";
import { newId } from "./new-id.ts";
import { array } from "./sql-values.ts";
import { functionSecrets } from "./tables/function-secrets.ts";
import { functions } from "./tables/functions.ts";
import { jobs } from "./tables/jobs.ts";
import { inTransaction } from "./transaction.ts";

export type FunctionRow = typeof functions.$inferSelect;

/** What an account may use: its own and the modules shared by all. */
export const visibleTo = (accountId: string): SQL =>
  and(isNull(functions.deletedAt), or(eq(functions.accountId, accountId), isNull(functions.accountId))) as SQL;

/** A function of kind http with the secret that signs its calls: nothing answers that secret again. */
export type CreatedFunction = FunctionRow & { signingSecret: string | null };

/**
 * `compiled` is what an uploaded source came to; other kinds have none.
 * Throws ApiError: FUNCTION_NAME_TAKEN, VALIDATION_ERROR for a module that no worker has brought along.
 */
export async function createFunction(
  db: Db,
  accountId: string,
  body: CreateFunctionBody,
  compiled: CompiledSource | null = null,
): Promise<CreatedFunction> {
  const limits = limitsIn(body);
  const values = {
    id: newId(),
    accountId,
    name: body.name,
    description: body.description,
    kind: body.kind,
    timeoutMs: body.timeout_ms,
    ...limits,
    ...(await targetOf(db, body, compiled)),
  };
  try {
    return await inTransaction(db, async (tx) => {
      const [row] = await tx.insert(functions).values(values).returning();
      const created = row as FunctionRow;
      if (compiled) await insertVersion(tx, created.id, 1, compiled);
      await openGate(tx, { id: created.id, kind: "function" }, limits);
      return { ...created, signingSecret: body.kind === "http" ? await addSecret(tx, created.id) : null };
    });
  } catch (error) {
    throw nameTaken(error, "functions_name", body.name);
  }
}

async function targetOf(db: Db, body: CreateFunctionBody, compiled: CompiledSource | null) {
  if (body.kind === "http") return httpTarget(body);
  if (body.kind === "module") return moduleTarget(db, body.module ?? body.name);
  if (!compiled) throw new Error("a function of kind sandbox is created from a source that was compiled");
  return { version: 1, hosts: body.hosts, limits: body.limits, check: compiled.check };
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
 * Throws ApiError: FORBIDDEN for a shared module, VALIDATION_ERROR for a field of another kind, FUNCTION_NAME_TAKEN.
 */
export async function patchFunction(
  db: Db,
  accountId: string,
  functionId: string,
  patch: PatchFunctionBody,
  compiled: CompiledSource | null = null,
): Promise<FunctionRow | null> {
  const current = await getFunction(db, accountId, functionId);
  if (!current) return null;
  assertPatchable(current, patch);
  const target = patch.module === undefined ? {} : await moduleTarget(db, patch.module);
  const limits = limitsIn(patch);
  const owner = { id: functionId, kind: "function" } as const;
  try {
    return await inTransaction(db, (tx) => changeLimits(tx, owner, limits, change));
  } catch (error) {
    throw nameTaken(error, "functions_name", patch.name ?? "");
  }

  async function change(tx: Db): Promise<FunctionRow | null> {
    const uploaded = compiled && (await addVersion(tx, functionId, compiled));
    const [row] = await tx
      .update(functions)
      .set({
        ...(patch.name !== undefined && { name: patch.name }),
        ...(patch.description !== undefined && { description: patch.description }),
        ...(patch.timeout_ms !== undefined && { timeoutMs: patch.timeout_ms }),
        ...(patch.url !== undefined && { url: patch.url }),
        ...(patch.headers !== undefined && { headers: patch.headers }),
        ...(patch.check !== undefined && { check: patch.check }),
        ...(patch.hosts !== undefined && { hosts: patch.hosts }),
        ...(patch.limits !== undefined && { limits: patch.limits }),
        ...(patch.breaker?.failures !== undefined && { breakerFailures: patch.breaker.failures }),
        ...(patch.breaker?.open_seconds !== undefined && { breakerOpenSeconds: patch.breaker.open_seconds }),
        // What was learnt of another server, or is not to be heeded any more, keeps nothing back.
        ...((patch.url !== undefined || patch.breaker?.failures === 0) && CLOSED_BREAKER),
        ...(patch.connect_timeout_ms !== undefined && { connectTimeoutMs: patch.connect_timeout_ms }),
        ...(patch.headers_timeout_ms !== undefined && { headersTimeoutMs: patch.headers_timeout_ms }),
        ...(patch.body_timeout_ms !== undefined && { bodyTimeoutMs: patch.body_timeout_ms }),
        ...target,
        ...uploaded,
        ...limits,
        updatedAt: sql`now()`,
      })
      .where(and(eq(functions.id, functionId), eq(functions.accountId, accountId), isNull(functions.deletedAt)))
      .returning();
    return row ?? null;
  }
}

/** The fields that belong to each kind, besides those of all. */
const FIELDS_OF = {
  http: ["url", "headers", "check", "breaker", "connect_timeout_ms", "headers_timeout_ms", "body_timeout_ms"],
  module: ["module"],
  sandbox: ["source", "language", "hosts", "limits"],
} as const satisfies Record<FunctionKind, readonly (keyof PatchFunctionBody)[]>;

/** Throws ApiError: FORBIDDEN for a shared module, VALIDATION_ERROR for a field of another kind. */
export function assertPatchable(current: FunctionRow, patch: PatchFunctionBody): void {
  assertOwn(current);
  for (const [kind, fields] of Object.entries(FIELDS_OF)) {
    const field = kind === current.kind ? undefined : fields.find((one) => patch[one] !== undefined);
    if (field) throw invalidField(field, `${field} does not belong to a function of kind ${current.kind}`);
  }
}
function httpTarget(body: CreateFunctionBody & { kind: "http" }) {
  return {
    url: body.url,
    headers: body.headers,
    check: body.check,
    breakerFailures: body.breaker.failures,
    breakerOpenSeconds: body.breaker.open_seconds,
    connectTimeoutMs: body.connect_timeout_ms,
    headersTimeoutMs: body.headers_timeout_ms,
    bodyTimeoutMs: body.body_timeout_ms,
  };
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
    await tx.delete(functionSecrets).where(eq(functionSecrets.functionId, functionId));
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
  const uuids = [...functionIds].filter(isUuid);
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

/** Of ids that come from bodies, where any text may stand: no other can be asked for. */
export const isUuid = (id: string): boolean => UUID.test(id);

export const unknownFunction = (functionId: string): ApiError =>
  invalidField("function_id", `function "${functionId.slice(0, 100)}" does not exist`);

/** Makes the modules that a worker has loaded known to all accounts, under the ids that they had before. */
export async function registerModules(
  db: Db,
  modules: readonly {
    name: string;
    description: string;
    check: boolean;
    timeoutMs: number | null;
    file?: string;
    inputSchema?: JsonObject | null;
  }[],
): Promise<void> {
  if (modules.length === 0) return;
  // In one order everywhere, so that two workers that start at the same time do not wait for each other.
  const sorted = modules.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  await db
    .insert(functions)
    .values(
      sorted.map(({ name, description, check, timeoutMs, file, inputSchema }) => ({
        ...{ name, description, check, timeoutMs, inputSchema: inputSchema ?? null, moduleFile: file ?? null },
        ...{ id: newId(), accountId: null, kind: "module" as const, module: name },
      })),
    )
    .onConflictDoUpdate({
      target: functions.name,
      targetWhere: sql`account_id is null`,
      set: {
        description: sql`excluded.description`,
        check: sql`excluded.has_check`,
        timeoutMs: sql`excluded.timeout_ms`,
        moduleFile: sql`excluded.module_file`,
        inputSchema: sql`excluded.input_schema`,
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

/** Throws ApiError FORBIDDEN for a shared module. */
export function assertOwn(row: FunctionRow): void {
  if (row.accountId === null)
    throw new ApiError("FORBIDDEN", "this module is shared by all accounts and cannot be changed");
}
