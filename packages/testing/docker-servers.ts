import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { onServer } from "./postgres-admin.ts";
import type { RunningServer } from "./redis-program.ts";
import { succeeds } from "./surroundings.ts";

/** The same versions as docker-compose.yml. */
const POSTGRES_IMAGE = "postgres:17";
const REDIS_IMAGE = "redis:8";

/** Starts PostgreSQL in a container; throws when the image cannot be had. */
export async function startDockerPostgres(settings: Record<string, string>): Promise<RunningServer> {
  await ensureImage(POSTGRES_IMAGE);
  const { GenericContainer, Wait } = await import("testcontainers");
  const password = randomBytes(12).toString("hex");
  const container = await new GenericContainer(POSTGRES_IMAGE)
    .withEnvironment({ POSTGRES_PASSWORD: password })
    .withCommand(["postgres", ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])])
    .withExposedPorts(5432)
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/))
    .withStartupTimeout(60_000)
    .start();
  const stop = async () => void (await container.stop({ removeVolumes: true }));
  const url = `postgres://postgres:${password}@${container.getHost()}:${container.getMappedPort(5432)}/postgres`;
  try {
    // The image starts the server twice: once to initialise, when nobody can connect, and then for good.
    await untilItAnswers(url, 30_000);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}

/** Starts Redis in a container; throws when the image cannot be had. */
export async function startDockerRedis(): Promise<RunningServer> {
  await ensureImage(REDIS_IMAGE);
  const { GenericContainer, Wait } = await import("testcontainers");
  const container = await new GenericContainer(REDIS_IMAGE)
    .withCommand(["redis-server", "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"])
    .withExposedPorts(6379)
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .withStartupTimeout(60_000)
    .start();
  return {
    url: `redis://${container.getHost()}:${container.getMappedPort(6379)}`,
    stop: async () => void (await container.stop({ removeVolumes: true })),
  };
}

async function untilItAnswers(url: string, limitMs: number): Promise<void> {
  for (const deadline = Date.now() + limitMs; ; await pause(100)) {
    try {
      return await onServer(url, async (client) => void (await client.query("SELECT 1")));
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

async function ensureImage(image: string): Promise<void> {
  if (await succeeds("docker", ["image", "inspect", image], { limitMs: 5_000 })) return;
  // A registry that is out of reach is silent; one that answers prints a line per layer.
  const pulled = await succeeds("docker", ["pull", image], { limitMs: 180_000, silenceMs: 15_000 });
  if (!pulled) throw new Error(`the image ${image} cannot be had`);
}
