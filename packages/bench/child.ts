import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

/** A process that was started here. */
export type Child = {
  pid: number;
  /** Resolves with what it said first, which means that it is ready; rejects with the end of its output if it ended instead. */
  ready: Promise<unknown>;
  /** Rejects when it ends before it was told to. */
  crashed: Promise<never>;
  onMessage(listener: (message: unknown) => void): void;
  stop(): Promise<void>;
};

const STOP_MS = 5_000;

/**
 * Starts a file with this Node.js. What it prints goes to `logFile`, as in production it would go to whatever gathers
 * logs. It is in a session of its own, so that Ctrl-C reaches us alone, and has a channel to us, so that it ends when we do.
 */
export function startChild(
  file: string,
  { env, logFile }: { env: Record<string, string | undefined>; logFile: string },
): Child {
  const log = openSync(logFile, "a");
  const child = spawn(process.execPath, [file], { env, detached: true, stdio: ["ignore", log, log, "ipc"] });
  closeSync(log);
  let stopping = false;

  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const why = () => new Error(`${file} ended with ${child.signalCode ?? child.exitCode}: ${tail(logFile)}`);
  const ready = new Promise<unknown>((resolve, reject) => {
    child.once("message", resolve);
    void ended.then(() => reject(why()));
  });
  const crashed = ended.then((): Promise<never> => (stopping ? new Promise(() => {}) : Promise.reject(why())));
  // Whoever waits for something else hears of it there.
  for (const promise of [ready, crashed]) promise.catch(() => undefined);

  return {
    pid: child.pid ?? 0,
    ready,
    crashed,
    onMessage: (listener) => void child.on("message", listener),
    async stop() {
      stopping = true;
      if (hasEnded(child)) return;
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      await ended;
      clearTimeout(late);
    },
  };
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

const tail = (file: string): string =>
  readFileSync(file, "utf8").trim().split("\n").slice(-3).join("\n") || "it said nothing";
