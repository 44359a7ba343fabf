import { createHash } from "node:crypto";
import type { PatchAccountBody } from "@belfry/contract/account.ts";
import type { Role } from "@belfry/contract/states.ts";
import { and, asc, eq, isNull, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { changeLimits, limitsIn } from "./limits.ts";
import { brokenConstraint } from "./pg-error.ts";
import { accounts } from "./tables/accounts.ts";
import { apiKeys } from "./tables/api-keys.ts";
import { inTransaction } from "./transaction.ts";

/** Who a request speaks for. */
export type Identity = { accountId: string; keyId: string; role: Role };

/** Serialises the first start of several API processes: any constant that nothing else uses. */
const BOOTSTRAP_LOCK = 0xbe1f7;

function hashKey(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

/** The identity behind an API key, or null for a key that is unknown or revoked. */
export async function findIdentity(db: Db, key: string): Promise<Identity | null> {
  const [row] = await db
    .select({ accountId: apiKeys.accountId, keyId: apiKeys.id, role: apiKeys.role })
    .from(apiKeys)
    .where(and(eq(apiKeys.hash, hashKey(key)), isNull(apiKeys.revokedAt)));
  return row ?? null;
}

export type AccountRow = typeof accounts.$inferSelect;

export async function getAccount(db: Db, accountId: string): Promise<AccountRow | null> {
  const [row] = await db.select().from(accounts).where(eq(accounts.id, accountId));
  return row ?? null;
}

/** Changes what an account may do at most. Null if there is none. */
export function patchAccount(db: Db, accountId: string, patch: PatchAccountBody): Promise<AccountRow | null> {
  const limits = limitsIn(patch);
  return changeLimits(db, { id: accountId, kind: "account" }, limits, async (tx) => {
    const [row] = await tx.update(accounts).set(limits).where(eq(accounts.id, accountId)).returning();
    return row ?? null;
  });
}

/** A new account with its first key. The key is stored hashed only: whoever calls this keeps it. */
export async function createAccount(
  db: Db,
  account: { name: string; key: string; role: Role },
): Promise<{ accountId: string }> {
  return inTransaction(db, async (tx) => {
    const [row] = await tx.insert(accounts).values({ name: account.name }).returning({ id: accounts.id });
    if (!row) throw new Error("insert returned no account");
    await tx
      .insert(apiKeys)
      .values({ accountId: row.id, name: "first key", hash: hashKey(account.key), role: account.role });
    return { accountId: row.id };
  });
}

/**
 * Makes sure that `key` is an admin key of the first account, which is made if there is none; does nothing where the
 * key is known, so every API process may call it at every start. Throws where the key is known and was revoked.
 */
export async function bootstrapAccount(db: Db, key: string): Promise<{ accountId: string; created: boolean }> {
  return inTransaction(db, async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${BOOTSTRAP_LOCK})`);
    const known = await findIdentity(tx, key);
    if (known) return { accountId: known.accountId, created: false };
    const [first] = await tx.select({ id: accounts.id }).from(accounts).orderBy(asc(accounts.id)).limit(1);
    if (!first) return { ...(await createAccount(tx, { name: "default", key, role: "admin" })), created: true };
    await tx.insert(apiKeys).values({ accountId: first.id, name: "bootstrap key", hash: hashKey(key), role: "admin" });
    return { accountId: first.id, created: false };
  }).catch((error: unknown) => {
    throw brokenConstraint(error) === "api_keys_hash"
      ? new Error("BELFRY_BOOTSTRAP_API_KEY: this key was revoked, give another one")
      : error;
  });
}
