/** The secrets that sign what is sent to functions of kind http. */
import { randomBytes } from "node:crypto";
import { and, eq, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { functionSecrets } from "./tables/function-secrets.ts";

/** 24 to 64 bytes is what Standard Webhooks asks for. */
const newSecret = (): string => `whsec_${randomBytes(32).toString("base64")}`;

/** Gives a function one more secret, in the transaction that makes the function or changes it. */
export async function addSecret(tx: Db, functionId: string): Promise<string> {
  const secret = newSecret();
  await tx.insert(functionSecrets).values({ functionId, secret });
  return secret;
}

/** The secrets of a function that are valid now, the newest first. Claims bring them along; this is for attempts that run long. */
export async function validSecrets(db: Db, functionId: string): Promise<string[]> {
  const rows = await db
    .select({ secret: functionSecrets.secret })
    .from(functionSecrets)
    .where(and(eq(functionSecrets.functionId, functionId), sql`(expires_at is null or expires_at > now())`))
    .orderBy(sql`expires_at desc nulls first`);
  return rows.map(({ secret }) => secret);
}
