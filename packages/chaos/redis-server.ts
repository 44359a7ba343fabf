import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { findRedisProgram } from "@belfry/testing/surroundings.ts";
import { fixedPort } from "./fixed-port.ts";
import { killAtExit } from "./kill-at-exit.ts";

/** A Redis of our own that keeps nothing on disk: one that was killed comes back empty. */
export type RedisServer = {
  port: number;
  signal(signal: NodeJS.Signals): void;
  /** Kills it. */
  kill(): Promise<void>;
  start(): Promise<void>;
  flushAll(): Promise<void>;
};

export async function startRedisServer(dir: string): Promise<RedisServer> {
  const program = findRedisProgram();
  if (program === undefined)
    throw new Error("there is no redis-server or valkey-server on the PATH: install one, or use --backend postgres");
  const port = await fixedPort();
  let child: ChildProcess;

  async function start(): Promise<void> {
    const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no"];
    args.push("--maxmemory-policy", "noeviction", "--daemonize", "no", "--logfile", "");
    child = spawn(program as string, args, { detached: true, stdio: "ignore" });
    killAtExit(child);
    for (let i = 0; i < 100; i++) {
      if ((await command(port, "PING").catch(() => "")).includes("PONG")) return;
      await sleep(50);
    }
    throw new Error(`${program} does not answer on port ${port}`);
  }

  await start();
  return {
    port,
    signal: (signal) => void child.kill(signal),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
    start,
    flushAll: async () => void (await command(port, "FLUSHALL")),
  };
}

async function command(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.setTimeout(5_000, () => socket.destroy(new Error("Redis does not answer")));
  try {
    socket.write(`${text}\r\n`);
    const [answer] = await once(socket, "data");
    return String(answer);
  } finally {
    socket.destroy();
  }
}
