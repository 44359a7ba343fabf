import { createHash } from "node:crypto";
import type { Role } from "@belfry/contract/states.ts";
import { and, eq, isNull, sql } from "drizzle-orm";
import { brokenConstraint, type Db } from "./client.ts";
import { accounts } from "./tables/accounts.ts";
import { apiKeys } from "./tables/api-keys.ts";

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

/** A new account with its first key. The key is stored hashed only: whoever calls this keeps it. */
export async function createAccount(db: Db, account: { name: string; key: string; role: Role }): Promise<{ accountId: string }> {
  return db.transaction(async (tx) => {
    const [row] = await tx.insert(accounts).values({ name: account.name }).returning({ id: accounts.id });
    if (!row) throw new Error("insert returned no account");
    await tx.insert(apiKeys).values({ accountId: row.id, name: "first key", hash: hashKey(account.key), role: account.role });
    return { accountId: row.id };
  });
}

/**
 * Makes sure that the account of `key` exists, with the role `admin`; does nothing where the key is known, so every
 * API process may call it at every start. Throws where the key is known and was revoked.
 */
export async function bootstrapAccount(db: Db, key: string): Promise<{ accountId: string; created: boolean }> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${BOOTSTRAP_LOCK})`);
    const known = await findIdentity(tx, key);
    if (known) return { accountId: known.accountId, created: false };
    return { ...(await createAccount(tx, { name: "default", key, role: "admin" })), created: true };
  }).catch((error: unknown) => {
    throw brokenConstraint(error) === "api_keys_hash" ? new Error("the key of the first account was revoked, give another one") : error;
  });
}
