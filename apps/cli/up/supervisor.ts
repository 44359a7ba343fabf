import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

/** A process of the cluster, started again whenever it dies. */
export type Supervised = {
  readonly name: string;
  /** What the process said when it was ready. */
  readonly hello: { port?: number };
  /** Ends it with SIGTERM, and with SIGKILL when it is still there after `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>;
};

export type SupervisorOptions = {
  name: string;
  /** A file for `node` to run. */
  file: string;
  env: Record<string, string>;
  onLine: (name: string, line: string) => void;
  /** It died and is started again; `how` is its signal or exit code. */
  onRestart: (name: string, how: string) => void;
  /** Ends it while it is not ready yet; afterwards `stop` does. */
  signal: AbortSignal;
};

/** After a process died at once again and again, it is tried this seldom. */
const RESTART_MAX_MS = 5_000;
const READY_WITHIN_MS = 20_000;

/** Starts a process and resolves when it is ready. Rejects, with what it wrote on its error output, if it ends before that. */
export async function supervise(options: SupervisorOptions): Promise<Supervised> {
  let stopping = false;
  let child = start(options);
  let restartMs = 100;
  const giveUp = (): void => void child.kill("SIGTERM");
  options.signal.addEventListener("abort", giveUp);
  const hello = await ready(child).finally(() => options.signal.removeEventListener("abort", giveUp));
  void keepAlive();

  return {
    name: options.name,
    hello,
    async stop(deadlineMs) {
      stopping = true;
      if (hasEnded(child)) return;
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
      await ended;
      clearTimeout(late);
    },
  };

  async function keepAlive(): Promise<void> {
    while (!stopping) {
      const startedAt = performance.now();
      const how = await untilEnded(child);
      if (stopping) return;
      restartMs = performance.now() - startedAt > 10_000 ? 100 : Math.min(restartMs * 2, RESTART_MAX_MS);
      options.onRestart(options.name, how);
      await sleep(restartMs);
      if (!stopping) child = start(options);
    }
  }
}

/**
 * In a session of its own, so that Ctrl-C in the terminal reaches the supervisor alone, which then stops everything in
 * order; and with a channel to it, so that a process notices when the supervisor is gone.
 */
function start({ name, file, env, onLine }: SupervisorOptions): ChildProcess {
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, ...env },
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on("line", (line) => onLine(name, line));
  }
  return child;
}

function ready(child: ChildProcess): Promise<{ port?: number }> {
  return new Promise((resolve, reject) => {
    const errorOutput: string[] = [];
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`was not ready within ${READY_WITHIN_MS / 1000} s`));
    }, READY_WITHIN_MS);
    child.stderr?.on("data", (chunk) => errorOutput.push(String(chunk)));
    child.once("message", (message) => {
      clearTimeout(timer);
      resolve(message as { port?: number });
    });
    child.once("error", (error) => errorOutput.push(error.message));
    child.once("close", () => {
      clearTimeout(timer);
      reject(new Error(errorOutput.join("").trim() || "ended without a word"));
    });
  });
}

function untilEnded(child: ChildProcess): Promise<string> {
  if (hasEnded(child)) return Promise.resolve(howEnded(child));
  return new Promise((resolve) => child.once("exit", () => resolve(howEnded(child))));
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;
const howEnded = (child: ChildProcess): string => child.signalCode ?? `exit code ${child.exitCode}`;
