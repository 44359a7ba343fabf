import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { findRedisProgram } from "@belfry/testing/surroundings.ts";

/** `npm run chaos` with these arguments, for tests: on Redis if there is one on this machine, otherwise on Postgres alone. */
export async function chaos(...args: string[]): Promise<{ code: number | null; output: string }> {
  const backend = findRedisProgram() === undefined ? "postgres" : "redis";
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts"), "--backend", backend, ...args], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const [[code], output] = await Promise.all([once(child, "close"), text(child.stdout as Readable)]);
  console.log(output);
  return { code: code as number | null, output };
}
