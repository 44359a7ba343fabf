import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const fileOf = (app: string): string => fileURLToPath(new URL(`../../apps/${app}/main.ts`, import.meta.url));

export type AppProcess = {
  pid: number;
  /** Its log lines so far, parsed; lines that are no JSON under `text`. */
  log: Record<string, unknown>[];
  /** Sends a signal and, if it is one that ends the process, waits until it has ended. Returns exit code and signal. */
  kill(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
};

const processes = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of processes) child.kill("SIGKILL");
});

/** Starts one of the apps as a process of its own, as it runs in production, and waits until it says that it is ready. */
export async function startApp(app: "api" | "scheduler" | "worker", env: Record<string, string>): Promise<AppProcess> {
  const { DATABASE_URL: _d, REDIS_URL: _r, ...inherited } = process.env;
  const child = spawn(process.execPath, [fileOf(app)], {
    env: { ...inherited, ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  processes.add(child);
  const log: Record<string, unknown>[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream as NodeJS.ReadableStream }).on("line", (line) => log.push(parse(line)));
  }
  const exited = once(child, "exit").then(([code, signal]) => {
    processes.delete(child);
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  const ended = exited.then(({ code }) => {
    throw new Error(`${app} ended with ${code} before it was ready: ${log.map((l) => l.text ?? l.msg).join("\n")}`);
  });
  await Promise.race([once(child, "message"), ended]);
  ended.catch(() => undefined);
  return {
    pid: child.pid as number,
    log,
    exited,
    async kill(signal) {
      child.kill(signal);
      return exited;
    },
  };
}

/** Runs an app that is expected not to start; returns its exit code and what it wrote. */
export async function runApp(
  app: "api" | "scheduler" | "worker",
  env: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const { DATABASE_URL: _d, REDIS_URL: _r, ...inherited } = process.env;
  const child = spawn(process.execPath, [fileOf(app)], {
    env: { ...inherited, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const [code] = await once(child, "close");
  return { code, output };
}

function parse(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return { text: line };
  }
}
