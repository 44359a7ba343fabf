import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { Surroundings } from "./server-sources.ts";

/** Looks around; asks Docker only when a URL is missing. */
export async function lookAround(env: NodeJS.ProcessEnv): Promise<Surroundings> {
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = env;
  const docker = databaseUrl && redisUrl ? false : await dockerAnswers();
  return {
    databaseUrl,
    redisUrl,
    docker,
    redisProgram: findRedisProgram(),
    apt: process.getuid?.() === 0 && onPath("apt-get") !== undefined,
  };
}

/** Path of `redis-server` or `valkey-server`, or undefined. */
export function findRedisProgram(): string | undefined {
  return onPath("redis-server") ?? onPath("valkey-server");
}

/** Runs a command; true when it succeeds. It is killed after `limitMs`, or earlier when it prints nothing for `silenceMs`. */
export function succeeds(
  command: string,
  args: string[],
  limits: { limitMs: number; silenceMs?: number; env?: NodeJS.ProcessEnv },
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, ...limits.env },
    timeout: limits.limitMs,
    killSignal: "SIGKILL",
  });
  const silence = setTimeout(() => child.kill("SIGKILL"), limits.silenceMs ?? limits.limitMs);
  child.stdout.on("data", () => silence.refresh());
  child.on("error", () => resolve(false));
  child.on("close", (code) => resolve(code === 0));
  return promise.finally(() => clearTimeout(silence));
}

/** A daemon that does not answer within three seconds is as good as none. */
async function dockerAnswers(): Promise<boolean> {
  return onPath("docker") !== undefined && (await succeeds("docker", ["info"], { limitMs: 3_000 }));
}

function onPath(program: string): string | undefined {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}
