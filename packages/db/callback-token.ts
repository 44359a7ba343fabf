import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Phase } from "@belfry/contract/states.ts";
import { sql } from "drizzle-orm";
import type { Db } from "./client.ts";

/** One phase of one attempt: what a token is for. */
export type CallbackKey = { executionId: string; attempt: number; phase: Phase };

const SECRET_NAME = "callbacks";

/** The cluster's secret from which tokens are computed; made by whoever asks first. */
export async function callbackSecret(db: Db): Promise<Buffer> {
  // Two statements: what another one is just inserting is not to be seen by the first.
  await db.execute(sql`
    insert into cluster_secrets (name, secret) values (${SECRET_NAME}, ${randomBytes(32).toString("base64url")})
    on conflict do nothing`);
  const { rows } = await db.execute<{ secret: string }>(sql`
    select secret from cluster_secrets where name = ${SECRET_NAME}`);
  return Buffer.from(rows[0]?.secret as string, "base64url");
}

/**
 * The token of one phase of one attempt: `<attempt>.<phase>.<256 bits>`. Computed and not stored, so that the API can
 * tell a true one before the worker that gave it away has written anything.
 */
export function callbackToken(secret: Buffer, key: CallbackKey): string {
  return `${key.attempt}.${key.phase}.${mac(secret, key).toString("base64url")}`;
}

/** What a token is for, or null if it is none of this execution's. */
export function readCallbackToken(secret: Buffer, executionId: string, token: string): CallbackKey | null {
  const [, attempt, phase, given] = /^([1-9]\d{0,9})\.(check|perform)\.([\w-]{43})$/.exec(token) ?? [];
  if (attempt === undefined || phase === undefined || given === undefined) return null;
  const key = { executionId: executionId.toLowerCase(), attempt: Number(attempt), phase: phase as Phase };
  const bytes = Buffer.from(given, "base64url");
  const expected = mac(secret, key);
  // The last of 43 characters carries two bits that no byte has: another spelling of the same bytes is not the token.
  const same = bytes.length === expected.length && timingSafeEqual(bytes, expected);
  return same && bytes.toString("base64url") === given ? key : null;
}

function mac(secret: Buffer, { executionId, attempt, phase }: CallbackKey): Buffer {
  return createHmac("sha256", secret).update(`belfry callback\n${executionId}\n${attempt}\n${phase}`).digest();
}
