/** What this machine has to offer for the tests. */
export interface Surroundings {
  /** `DATABASE_URL`; an empty one counts as none. */
  databaseUrl: string | undefined;
  /** `REDIS_URL`; an empty one counts as none. */
  redisUrl: string | undefined;
  /** A Docker daemon answers. */
  docker: boolean;
  /** Path of `redis-server` or `valkey-server`. */
  redisProgram: string | undefined;
  /** We are root and there is `apt-get`. */
  apt: boolean;
}

export type PostgresSource = { kind: "url"; url: string } | { kind: "docker" } | { kind: "embedded" };
export type RedisSource =
  | { kind: "url"; url: string }
  | { kind: "docker" }
  | { kind: "program"; program: string }
  | { kind: "apt" };

/** Where to get PostgreSQL, best first. A URL that was given is the only choice: when it fails, so do the tests. */
export function postgresSources({ databaseUrl, docker }: Surroundings): PostgresSource[] {
  if (databaseUrl) return [{ kind: "url", url: databaseUrl }];
  return docker ? [{ kind: "docker" }, { kind: "embedded" }] : [{ kind: "embedded" }];
}

/** Where to get Redis, best first; empty when there is no way. */
export function redisSources({ redisUrl, docker, redisProgram, apt }: Surroundings): RedisSource[] {
  if (redisUrl) return [{ kind: "url", url: redisUrl }];
  const sources: RedisSource[] = [];
  if (docker) sources.push({ kind: "docker" });
  if (redisProgram) sources.push({ kind: "program", program: redisProgram });
  else if (apt) sources.push({ kind: "apt" });
  return sources;
}

export const NO_REDIS =
  "The tests need a Redis and there is none: set REDIS_URL, or start Docker, or install redis-server (or valkey-server), or run as root on a system with apt-get.";
