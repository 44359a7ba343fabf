import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLocalPostgres } from "@belfry/local-postgres/start.ts";
import { startDockerPostgres, startDockerRedis } from "./docker-servers.ts";
import { type RunningServer, startRedisProgram } from "./redis-program.ts";
import { NO_REDIS, type PostgresSource, postgresSources, type RedisSource, redisSources } from "./server-sources.ts";
import { findRedisProgram, lookAround, succeeds } from "./surroundings.ts";

export interface TestServers {
  /** A superuser's, or at least one that may create databases. */
  databaseUrl: string;
  redisUrl: string;
  /** One line that says which servers these are. */
  description: string;
  stop(): Promise<void>;
}

// Test data need not survive a power cut. Commits stay synchronous: the code under test relies on their order.
const TEST_SETTINGS = { fsync: "off", full_page_writes: "off", synchronous_commit: "on", max_connections: "300" };

/** Finds or starts PostgreSQL and Redis, both at once. Throws one clear line when one of them is not to be had. */
export async function startServers(env: NodeJS.ProcessEnv, log: (line: string) => void): Promise<TestServers> {
  const surroundings = await lookAround(env);
  const redisChoices = redisSources(surroundings);
  if (redisChoices.length === 0) throw new Error(NO_REDIS);

  const [postgres, redis] = await Promise.allSettled([
    firstThatStarts("PostgreSQL", postgresSources(surroundings), (source) => startPostgres(source, log), log),
    firstThatStarts("Redis", redisChoices, startRedis, log),
  ]);
  if (postgres.status === "fulfilled" && redis.status === "fulfilled") {
    return {
      databaseUrl: postgres.value.server.url,
      redisUrl: redis.value.server.url,
      description: `PostgreSQL: ${postgres.value.name}; Redis: ${redis.value.name}`,
      stop: async () => {
        await redis.value.server.stop();
        await postgres.value.server.stop();
      },
    };
  }
  // One has failed: what the other one started must not stay behind.
  for (const result of [postgres, redis]) if (result.status === "fulfilled") await result.value.server.stop();
  throw postgres.status === "rejected" ? postgres.reason : (redis as PromiseRejectedResult).reason;
}

/** Tries the sources in order; the error of the last one is thrown. */
async function firstThatStarts<Source extends PostgresSource | RedisSource>(
  what: string,
  sources: Source[],
  start: (source: Source) => Promise<RunningServer>,
  log: (line: string) => void,
): Promise<{ name: string; server: RunningServer }> {
  for (const [index, source] of sources.entries()) {
    try {
      return { name: nameOf(source), server: await start(source) };
    } catch (error) {
      if (index === sources.length - 1) throw error;
      log(`${what} from ${nameOf(source)} is not to be had: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(`there is no source of ${what}`);
}

function nameOf(source: PostgresSource | RedisSource): string {
  switch (source.kind) {
    case "url":
      return "the URL of the environment";
    case "docker":
      return "Docker";
    case "embedded":
      return "the embedded server";
    case "program":
      return source.program;
    case "apt":
      return "apt-get install redis-server";
  }
}

async function startPostgres(source: PostgresSource, log: (line: string) => void): Promise<RunningServer> {
  if (source.kind === "url") return { url: source.url, stop: async () => undefined };
  if (source.kind === "docker") return startDockerPostgres(TEST_SETTINGS);
  const folder = mkdtempSync(join(tmpdir(), "belfry-postgres-"));
  // As root we start a server that runs as another user, who must get here.
  chmodSync(folder, 0o755);
  // The server's own log is noise here, except for what keeps it from starting, and that is in the error.
  const notes = (line: string) => (/^\d{4}-/.test(line) ? undefined : log(line));
  const server = await startLocalPostgres({ dataDir: join(folder, "data"), settings: TEST_SETTINGS, log: notes });
  return {
    url: server.url,
    stop: async () => {
      await server.stop(10_000);
      rmSync(server.dataDir, { recursive: true, force: true });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startRedis(source: RedisSource): Promise<RunningServer> {
  if (source.kind === "url") return { url: source.url, stop: async () => undefined };
  if (source.kind === "docker") return startDockerRedis();
  if (source.kind === "program") return startRedisProgram(source.program);
  await installRedis();
  const program = findRedisProgram();
  if (program === undefined) throw new Error(`apt-get could not install redis-server. ${NO_REDIS}`);
  return startRedisProgram(program);
}

async function installRedis(): Promise<void> {
  // RUNLEVEL=1 keeps the package from starting a server of its own on the default port.
  const env = { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  await succeeds("apt-get", ["update"], { limitMs: 120_000, env });
  await succeeds("apt-get", ["install", "-y", "--no-install-recommends", "redis-server"], { limitMs: 180_000, env });
}
