import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "@belfry/local-postgres/free-port.ts";
import { stopWithParent } from "@belfry/local-postgres/stop-with-parent.ts";

export interface RunningServer {
  url: string;
  stop(): Promise<void>;
}

/** Starts `redis-server` (or Valkey's) on a free port of 127.0.0.1, in memory only, never evicting. */
export async function startRedisProgram(program: string): Promise<RunningServer> {
  // A port that was free a moment ago may be taken by now.
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOn(program, await freePort());
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

async function startOn(program: string, port: number): Promise<RunningServer> {
  const dir = mkdtempSync(join(tmpdir(), "belfry-redis-"));
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no"];
  args.push("--maxmemory-policy", "noeviction", "--daemonize", "no", "--logfile", "");
  const child = spawn(program, args, { detached: true, stdio: ["ignore", "pipe", "ignore"] });
  const ended = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
    child.once("error", () => resolve());
  });

  const ready = Promise.withResolvers<boolean>();
  let lastLine = "";
  createInterface({ input: child.stdout }).on("line", (line) => {
    lastLine = line;
    if (line.includes("Ready to accept connections")) ready.resolve(true);
  });
  void ended.then(() => ready.resolve(false));
  if (!(await ready.promise)) {
    rmSync(dir, { recursive: true, force: true });
    throw new Error(`${program} did not start on port ${port}: ${lastLine || "it printed nothing"}`);
  }

  const callOff = stopWithParent(child.pid as number, "TERM");
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
      callOff();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
