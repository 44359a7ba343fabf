/** Changing what a function or an account may do at most. */
import type { Limits, RateLimit } from "@belfry/contract/limits.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { countRunning, lockGates } from "./gates.ts";
import { WAKE_CHANNEL } from "./listen.ts";
import { gates } from "./tables/gates.ts";
import { inTransaction } from "./transaction.ts";

type Owner = { id: string; kind: "function" | "account" };

/** The limits that a body names, as columns. What is absent stays as it is. */
export function limitsIn(body: {
  max_concurrency?: number | null | undefined;
  rate_limit?: RateLimit | null | undefined;
}): Partial<Limits> {
  return {
    ...(body.max_concurrency !== undefined && { maxConcurrency: body.max_concurrency }),
    ...(body.rate_limit !== undefined && { rateLimit: body.rate_limit }),
  };
}

/**
 * Does `change`, which writes the limits, under the lock on the gate: who claims at the same time does it before, by
 * what held until now, or after. Where there was no gate, what runs is counted from now on. A gate whose last limit goes
 * stays until all that wait have been let go.
 */
export async function changeLimits<Row>(
  db: Db,
  owner: Owner,
  limits: Partial<Limits>,
  change: (tx: Db) => Promise<Row | null>,
): Promise<Row | null> {
  if (Object.keys(limits).length === 0) return change(db);
  return inTransaction(db, async (tx) => {
    await lockGates(tx, [owner.id]);
    const row = await change(tx);
    if (row === null) return null;
    await openGate(tx, owner, limits);
    await tx.execute(sql`select pg_notify(${WAKE_CHANNEL}, 'gates')`);
    return row;
  });
}

/** Makes the gate of an owner who has got a limit, if there is none. */
export async function openGate(tx: Db, owner: Owner, limits: Partial<Limits>): Promise<void> {
  if (!limits.maxConcurrency && !limits.rateLimit) return;
  const made = await tx.insert(gates).values(owner).onConflictDoNothing().returning();
  if (made.length > 0) await countRunning(tx, [owner.id]);
}
