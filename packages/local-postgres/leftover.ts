import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { LocalPostgresError } from "./failure.ts";
import { commandOf, isAlive } from "./process-info.ts";

/**
 * Stops a server that still runs on the data although the process that had started it is gone, and removes a pid file whose
 * number belongs to an unrelated process by now (PostgreSQL would take that process for a server and refuse to start).
 * Only call it while holding the claim on `dir`.
 */
export async function stopLeftover(dir: string, log: (line: string) => void): Promise<void> {
  const pidFile = join(dir, "postmaster.pid");
  const pid = readPid(pidFile);
  if (pid === undefined || !isAlive(pid)) return;
  if (!isPostgresOn(pid, dir)) return rmSync(pidFile, { force: true });

  log(`stopping the PostgreSQL server (process ${pid}) that an earlier run left behind`);
  // Fast shutdown, then immediate shutdown, then the last resort; the data survive each of them.
  for (const [signal, waitMs] of [
    ["SIGINT", 10_000],
    ["SIGQUIT", 5_000],
    ["SIGKILL", 5_000],
  ] as const) {
    sendSignal(pid, signal);
    for (const deadline = Date.now() + waitMs; Date.now() < deadline; ) {
      if (!isAlive(pid)) return;
      await pause(20);
    }
  }
  throw new LocalPostgresError("in_use", `the PostgreSQL server with process ${pid} on ${dir} does not stop`);
}

function readPid(pidFile: string): number | undefined {
  try {
    return Number(readFileSync(pidFile, "utf8").split("\n")[0]);
  } catch {
    return undefined;
  }
}

function isPostgresOn(pid: number, dir: string): boolean {
  const command = commandOf(pid);
  // Without /proc (macOS) there is no cheap way to tell; a live process named by the pid file is then believed.
  return command === undefined || (command.includes("postgres") && command.includes(dir));
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EPERM") return;
    throw new LocalPostgresError("no_permission", `the PostgreSQL server with process ${pid} belongs to another user`, {
      cause,
    });
  }
}
