import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLocalPostgres } from "@belfry/local-postgres/start.ts";
import { startRedisProgram } from "@belfry/testing/redis-program.ts";
import { startServers } from "@belfry/testing/servers.ts";
import { findRedisProgram } from "@belfry/testing/surroundings.ts";

export type Servers = { databaseUrl: string; redisUrl: string };

/** What a database in use has. Without them every commit would be cheaper than it is. */
const DURABLE = { fsync: "on", synchronous_commit: "on", full_page_writes: "on" };

/**
 * The servers of `DATABASE_URL` and `REDIS_URL`; else programs on this machine, started here, since a container's
 * network would be measured with them; else whatever the tests would take. Stopped when `scope` is disposed.
 */
export async function openServers(env: NodeJS.ProcessEnv, scope: AsyncDisposableStack): Promise<Servers> {
  const databaseUrl = env.DATABASE_URL || (await startPostgres(scope));
  return { databaseUrl, redisUrl: env.REDIS_URL || (await startRedis(databaseUrl, scope)) };
}

async function startPostgres(scope: AsyncDisposableStack): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "belfry-bench-"));
  scope.defer(() => rmSync(folder, { recursive: true, force: true }));
  // As root we start a server that runs as another user, who must get here.
  chmodSync(folder, 0o755);
  const server = await startLocalPostgres({ dataDir: join(folder, "data"), settings: DURABLE });
  scope.defer(async () => {
    await server.stop(5_000);
    rmSync(server.dataDir, { recursive: true, force: true });
  });
  return server.url;
}

async function startRedis(databaseUrl: string, scope: AsyncDisposableStack): Promise<string> {
  const program = findRedisProgram();
  if (program !== undefined) {
    const server = await startRedisProgram(program);
    scope.defer(server.stop);
    return server.url;
  }
  const servers = await startServers({ ...process.env, DATABASE_URL: databaseUrl }, (line) => console.error(line));
  scope.defer(servers.stop);
  return servers.redisUrl;
}
