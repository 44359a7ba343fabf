import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "@belfry/local-postgres/free-port.ts";
import { startChild } from "./child.ts";
import type { Ground } from "./cluster.ts";

const API = fileURLToPath(new URL("../../apps/api/main.ts", import.meta.url));

/** The API as a process, with the key of an account; stopped when `scope` is disposed. */
export async function startApi(
  ground: Ground,
  scope: AsyncDisposableStack,
): Promise<{ url: string; headers: Record<string, string> }> {
  const logs = mkdtempSync(join(tmpdir(), "belfry-bench-logs-"));
  scope.defer(() => rmSync(logs, { recursive: true, force: true }));
  const key = randomBytes(24).toString("hex");
  const port = await freePort();
  const env = {
    ...process.env,
    DATABASE_URL: ground.databaseUrl,
    REDIS_URL: ground.redisUrl ?? undefined,
    BELFRY_QUEUE_PREFIX: ground.prefix,
    BELFRY_BOOTSTRAP_API_KEY: key,
    PORT: String(port),
    HOST: "127.0.0.1",
  };
  const api = startChild(API, { env, logFile: join(logs, "api.log") });
  scope.defer(api.stop);
  await api.ready;
  return { url: `http://127.0.0.1:${port}`, headers: { authorization: `Bearer ${key}` } };
}

/** Asks the API, and throws unless it agrees. */
export async function ask<Answer>(
  { url, headers }: { url: string; headers: Record<string, string> },
  path: string,
  body?: unknown,
): Promise<Answer> {
  const answer = await fetch(`${url}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text.slice(0, 500)}`);
  return JSON.parse(text) as Answer;
}
