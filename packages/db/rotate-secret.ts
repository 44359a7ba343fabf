import { ApiError } from "@belfry/contract/errors.ts";
import { and, eq, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { addSecret } from "./function-secrets.ts";
import { assertOwn, visibleTo } from "./functions.ts";
import { functionSecrets } from "./tables/function-secrets.ts";
import { functions } from "./tables/functions.ts";
import { inTransaction } from "./transaction.ts";

/** The signatures of so many secrets fit into a header that every server takes. */
const MAX_VALID = 10;

export type RotatedSecret = {
  secret: string;
  /** Until when an older secret signs beside it; null if none does. */
  olderUntil: Date | null;
};

/**
 * Gives a function of the account a new secret. The older ones go on signing beside it for `overlapMs`, or until their
 * end if that comes first. Null if there is no such function.
 * Throws ApiError: FORBIDDEN for a shared module, VALIDATION_ERROR for a function that is not called over HTTP, CONFLICT
 * if too many are valid already.
 */
export async function rotateSecret(
  db: Db,
  accountId: string,
  functionId: string,
  overlapMs: number,
): Promise<RotatedSecret | null> {
  return inTransaction(db, async (tx) => {
    const [fn] = await tx
      .select()
      .from(functions)
      .where(and(eq(functions.id, functionId), visibleTo(accountId)))
      .for("update");
    if (!fn) return null;
    assertOwn(fn);
    if (fn.kind !== "http") throw new ApiError("VALIDATION_ERROR", "only functions of kind http have a signing secret");

    const end = sql`date_trunc('milliseconds', now()) + make_interval(secs => ${overlapMs} / 1000.0)`;
    await tx
      .update(functionSecrets)
      .set({ expiresAt: sql`least(expires_at, ${end})` })
      .where(eq(functionSecrets.functionId, functionId));
    await tx.delete(functionSecrets).where(and(eq(functionSecrets.functionId, functionId), sql`expires_at <= now()`));
    const older = await tx.select().from(functionSecrets).where(eq(functionSecrets.functionId, functionId));
    if (older.length >= MAX_VALID) {
      const message = `${older.length} older secrets are still valid; an overlap_seconds of 0 ends them`;
      throw new ApiError("CONFLICT", message);
    }
    const secret = await addSecret(tx, functionId);
    const ends = older.map(({ expiresAt }) => (expiresAt as Date).getTime());
    return { secret, olderUntil: ends.length > 0 ? new Date(Math.max(...ends)) : null };
  });
}
