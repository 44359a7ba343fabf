import { createHash } from "node:crypto";
import type { Identity } from "@belfry/db/accounts.ts";

/** How long a revoked key may still be accepted, in milliseconds. */
const MAX_AGE_MS = 1_000;
const MAX_ENTRIES = 1_000;

export type FindIdentity = (key: string) => Promise<Identity | null>;

/**
 * Remembers whom a key belongs to, for a second: what a busy client costs is one look-up a second. Unknown keys are
 * always looked up, so that a new key works at once.
 */
export function cacheIdentities(find: FindIdentity, now: () => number = () => performance.now()): FindIdentity {
  const known = new Map<string, { identity: Identity; until: number }>();

  return async (key) => {
    // Keys themselves stay nowhere in memory for longer than a request.
    const hash = createHash("sha256").update(key).digest("base64");
    const hit = known.get(hash);
    // Counted from before the look-up: a revocation may have committed right after it.
    const askedAt = now();
    if (hit && askedAt < hit.until) return hit.identity;
    known.delete(hash);
    const identity = await find(key);
    if (identity) {
      if (known.size >= MAX_ENTRIES) known.delete(known.keys().next().value as string);
      known.set(hash, { identity, until: askedAt + MAX_AGE_MS });
    }
    return identity;
  };
}
